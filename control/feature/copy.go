package feature

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
)

// CopyStrategies gives a flag in the environment of target the strategies that it has in another one, behind those that are
// there or, with replace, instead of them. It does not turn the flag on; where it is on it stays on unless there is nothing
// left to be on for. It returns all strategies of the environment.
//
// The caller needs the permission to add strategies there and, with replace, to remove them, which is checked here.
func CopyStrategies(ctx context.Context, tx pgx.Tx, target Place, from string, replace bool) ([]Strategy, error) {
	if from == target.Environment {
		return nil, fault.New(fault.Invalid, "Strategies cannot be copied from an environment to itself.")
	}
	if replace {
		if err := access.Require(ctx, access.DeleteFeatureStrategy, target.Project, target.Environment); err != nil {
			return nil, err
		}
	}
	row, err := lockActive(ctx, tx, target.Project, target.Feature)
	if err != nil {
		return nil, err
	}
	for _, environment := range []string{target.Environment, from} {
		if _, err := lockEnvironment(ctx, tx, row.Name, environment); err != nil {
			return nil, err
		}
	}
	existing, err := listStrategies(ctx, tx, row.Name, target.Environment)
	if err != nil {
		return nil, err
	}
	source, err := listStrategies(ctx, tx, row.Name, from)
	if err != nil {
		return nil, err
	}
	kept := existing
	if replace {
		kept = nil
	}
	if most := limit.From(ctx).Strategies; len(kept)+len(source) > most {
		return nil, limit.Exceeded("strategy", most)
	}
	order := nextSortOrder(kept)
	for i, s := range source {
		s.ID, s.Environment = ulid.Make().String(), target.Environment
		s.SortOrder = min(order+int32(i), maxSortOrder)
		if _, err := insertStrategy(ctx, tx, row, s); err != nil {
			return nil, err
		}
	}
	// The old ones go last, so that the flag is not turned off in between.
	if replace {
		for _, s := range existing {
			if err := DeleteStrategy(ctx, tx, target, s.ID); err != nil {
				return nil, err
			}
		}
	}
	return listStrategies(ctx, tx, row.Name, target.Environment)
}
