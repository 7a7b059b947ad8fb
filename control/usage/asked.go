package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/usage"
)

const (
	// MaxUnknownFlags is how many unknown names are kept, an application and environment each. Any token-holder can make
	// names up; beyond the limit new ones are not noted until old ones are forgotten.
	MaxUnknownFlags = 1000

	// unknownRetention is how long an unknown name is kept that nobody asks for any more.
	unknownRetention = 7 * 24 * time.Hour
)

// asking says that an application asks for a flag in an environment.
type asking struct{ app, environment, feature string }

// writeAsked notes which application asks for which flag, and which ask for flags that do not exist.
func writeAsked(ctx context.Context, tx pgx.Tx, counts map[usage.Key]usage.Count) error {
	now := time.Now()
	seen := map[asking]time.Time{}
	for key := range counts {
		at := key.Hour.Add(time.Hour)
		if at.After(now) {
			at = now
		}
		if of := (asking{key.App, key.Environment, key.Feature}); at.After(seen[of]) {
			seen[of] = at
		}
	}
	var rows queries.ApplicationFeaturesSeenParams
	for of, at := range seen {
		rows.AppNames = append(rows.AppNames, of.app)
		rows.Environments = append(rows.Environments, of.environment)
		rows.Features = append(rows.Features, of.feature)
		rows.SeenAt = append(rows.SeenAt, at)
		if len(rows.Features) >= maxRows {
			if err := addAsked(ctx, tx, rows); err != nil {
				return err
			}
			rows = queries.ApplicationFeaturesSeenParams{}
		}
	}
	return addAsked(ctx, tx, rows)
}

func addAsked(ctx context.Context, tx pgx.Tx, rows queries.ApplicationFeaturesSeenParams) error {
	if len(rows.Features) == 0 {
		return nil
	}
	if err := q.ApplicationFeaturesSeen(ctx, tx, rows); err != nil {
		return fmt.Errorf("note flags of applications: %w", err)
	}
	err := q.UnknownFlagsSeen(ctx, tx, queries.UnknownFlagsSeenParams{
		Names: rows.Features, AppNames: rows.AppNames, Environments: rows.Environments, SeenAt: rows.SeenAt, MaxRows: MaxUnknownFlags,
	})
	if err != nil {
		return fmt.Errorf("note unknown flags: %w", err)
	}
	return nil
}
