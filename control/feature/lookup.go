package feature

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// GetByName reads a flag that is not archived by its name alone, which is unique over all projects.
func GetByName(ctx context.Context, tx queries.DBTX, name string) (queries.Feature, error) {
	row, err := byName(q.FeatureGet(ctx, tx, name))
	if err == nil && row.ArchivedAt != nil {
		return queries.Feature{}, errNoFeature()
	}
	return row, err
}

// ProjectOf finds the project of a flag and checks that the caller has the permission in it, and in environment unless
// that is empty. It is for paths that name no project.
func ProjectOf(ctx context.Context, tx queries.DBTX, name string, permission access.Permission, environment string) (string, error) {
	row, err := byName(q.FeatureGet(ctx, tx, name))
	if err != nil {
		return "", err
	}
	return row.Project, access.Require(ctx, permission, row.Project, environment)
}

// byName turns the answer of a query for one flag into what callers may see.
func byName(row queries.Feature, err error) (queries.Feature, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, errNoFeature()
	case err != nil:
		return row, fmt.Errorf("read feature: %w", err)
	}
	return row, nil
}

func errNoFeature() *fault.Fault { return fault.New(fault.NotFound, "No feature flag found") }
