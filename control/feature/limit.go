package feature

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/queries"
)

// Limits that Unleash does not have and nobody can configure.
const (
	MaxVariants              = 100 // a strategy or environment; Unleash has no limit, a payload must have one
	maxSortOrder             = 1_000_000
	maxDependencyVariants    = 100
	maxTagsPerFeatureRequest = 100
)

// checkRoom refuses more active flags when the instance or the project would be too full. Concurrent writers may overshoot
// by their number; the limit guards resources, not invariants.
func checkRoom(ctx context.Context, tx pgx.Tx, project queries.Project, more int) error {
	total, err := q.FeatureCount(ctx, tx, nil)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	if err := limit.Room("feature flag", total+int64(more)-1, limit.From(ctx).Features); err != nil {
		return err
	}
	return checkProjectRoom(ctx, tx, project, more)
}

func checkProjectRoom(ctx context.Context, tx pgx.Tx, project queries.Project, more int) error {
	if project.FeatureLimit == nil {
		return nil
	}
	count, err := q.FeatureCount(ctx, tx, &project.ID)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	return limit.Room(fmt.Sprintf("feature flag in project \"%s\"", project.ID), count+int64(more)-1, int(*project.FeatureLimit))
}
