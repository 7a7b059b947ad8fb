package feature

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Limits of an instance, as Unleash ships them.
const (
	MaxFeatures              = 5000 // active flags
	MaxStrategies            = 30   // a flag and environment
	MaxSegmentsPerStrategy   = 5
	MaxVariants              = 100 // a strategy or environment; Unleash has no limit, a payload must have one
	maxSortOrder             = 1_000_000
	maxDependencyVariants    = 100
	maxTagsPerFeatureRequest = 100
)

// checkRoom refuses one more active flag when the instance or the project is full. Concurrent writers may overshoot by
// their number; the limit guards resources, not invariants.
func checkRoom(ctx context.Context, tx pgx.Tx, project queries.Project) error {
	total, err := q.FeatureCount(ctx, tx, nil)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	if total >= MaxFeatures {
		return exceeds("feature flag", MaxFeatures)
	}
	return checkProjectRoom(ctx, tx, project)
}

func checkProjectRoom(ctx context.Context, tx pgx.Tx, project queries.Project) error {
	if project.FeatureLimit == nil {
		return nil
	}
	count, err := q.FeatureCount(ctx, tx, &project.ID)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	if count >= int64(*project.FeatureLimit) {
		return exceeds(fmt.Sprintf("feature flag in project \"%s\"", project.ID), int(*project.FeatureLimit))
	}
	return nil
}

// exceeds is the fault for one more of what there may be limit of, in Unleash's words.
func exceeds(what string, limit int) *fault.Fault {
	return fault.New(fault.LimitExceeded, "Failed to create %s. You can't create more than the established limit of %d.", what, limit)
}
