package feature

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/queries"
)

// CheckDefaultStrategy validates what is to become a project's default strategy in an environment, and returns it with
// empty rather than missing lists. It is stored as given: what depends on the flag is filled in when a flag gets it.
func CheckDefaultStrategy(ctx context.Context, tx pgx.Tx, project string, in StrategyInput) (StrategyInput, error) {
	if in.SortOrder == nil {
		first := int32(0)
		in.SortOrder = &first
	}
	checked, err := checkStrategy(ctx, tx, queries.Feature{Project: project}, nil, Strategy{
		Name: in.Name, Title: in.Title, Disabled: in.Disabled, Constraints: in.Constraints, Parameters: in.Parameters,
		Variants: in.Variants, SortOrder: *in.SortOrder, Segments: in.Segments,
	})
	if err != nil {
		return in, err
	}
	in.Constraints, in.Variants, in.Segments = checked.Constraints, checked.Variants, checked.Segments
	if in.Parameters == nil {
		in.Parameters = map[string]string{}
	}
	return in, nil
}
