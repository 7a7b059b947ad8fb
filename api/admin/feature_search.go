package admin

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// SearchFeaturesSchema is one page of the flags that were found.
type SearchFeaturesSchema struct {
	Features []FeatureSearchResponseSchema `json:"features" nullable:"false"`
	Total    int64                         `json:"total" doc:"How many flags there are on all pages"`
}

// FeatureSearchResponseSchema is a flag that was found.
type FeatureSearchResponseSchema struct {
	Type           string                           `json:"type"`
	Description    *string                          `json:"description" nullable:"true"`
	Project        string                           `json:"project"`
	Favorite       bool                             `json:"favorite"`
	Name           string                           `json:"name"`
	CreatedAt      api.Time                         `json:"createdAt"`
	Stale          bool                             `json:"stale"`
	ArchivedAt     *api.Time                        `json:"archivedAt" nullable:"true"`
	ImpressionData bool                             `json:"impressionData"`
	DependencyType *string                          `json:"dependencyType" nullable:"true" doc:"parent, child or null"`
	Environments   []FeatureSearchEnvironmentSchema `json:"environments" nullable:"false"`
	Segments       []string                         `json:"segments" nullable:"false"`
	Tags           []TagSchema                      `json:"tags,omitempty"`
	CreatedBy      UserBrief                        `json:"createdBy"`
	Lifecycle      FeatureLifecycleStageSchema      `json:"lifecycle"`
}

// FeatureSearchEnvironmentSchema is the state of a found flag in one environment.
type FeatureSearchEnvironmentSchema struct {
	ProjectFeatureEnvironmentSchema
	Yes              int64   `json:"yes" doc:"Evaluations to on in the last hour"`
	No               int64   `json:"no" doc:"Evaluations to off in the last hour"`
	ChangeRequestIDs []int64 `json:"changeRequestIds" nullable:"false"`
}

type searchFeaturesOutput struct{ Body SearchFeaturesSchema }

func (a *API) registerFeatureSearch() {
	read(a, access.Anyone, op(get, "/search/features", "searchFeatures", "Search"), a.searchFeatures)
}

func (a *API) searchFeatures(ctx context.Context, in *searchFeaturesInput) (*searchFeaturesOutput, error) {
	search, err := in.search(ctx)
	if err != nil {
		return nil, err
	}
	out := &searchFeaturesOutput{}
	return out, a.snapshot(ctx, func(tx pgx.Tx) error {
		names, total, err := search.Find(ctx, tx)
		if err != nil {
			return err
		}
		features, err := foundFeatures(ctx, tx, names, search.User)
		out.Body = SearchFeaturesSchema{Features: features, Total: total}
		return err
	})
}

// foundFeatures shows the named flags in the order of their names.
func foundFeatures(ctx context.Context, tx pgx.Tx, names []string, user int32) ([]FeatureSearchResponseSchema, error) {
	rows, err := q.FeatureSearchList(ctx, tx, queries.FeatureSearchListParams{UserID: user, Names: names})
	if err != nil {
		return nil, err
	}
	found := make(map[string]*FeatureSearchResponseSchema, len(rows))
	for _, row := range rows {
		schema := featureSearchSchema(row)
		found[row.Feature.Name] = &schema
	}
	for _, add := range []func(context.Context, pgx.Tx, []string, map[string]*FeatureSearchResponseSchema) error{
		addFoundEnvironments, addFoundSegments, addFoundTags,
	} {
		if err := add(ctx, tx, names, found); err != nil {
			return nil, err
		}
	}
	features := make([]FeatureSearchResponseSchema, 0, len(names))
	for _, name := range names {
		features = append(features, *found[name])
	}
	return features, nil
}

func addFoundEnvironments(ctx context.Context, tx pgx.Tx, names []string, found map[string]*FeatureSearchResponseSchema) error {
	rows, err := q.FeatureSearchEnvironmentList(ctx, tx, names)
	for _, row := range rows {
		of := found[row.Feature]
		of.Environments = append(of.Environments, FeatureSearchEnvironmentSchema{
			ProjectFeatureEnvironmentSchema: ProjectFeatureEnvironmentSchema{
				Name: row.Name, Enabled: row.Enabled, Type: row.Type, SortOrder: row.SortOrder, VariantCount: row.VariantCount,
				LastSeenAt: api.AtOrNil(row.LastSeenAt), HasStrategies: row.HasStrategies, HasEnabledStrategies: row.HasEnabledStrategies,
			},
			Yes: row.Yes, No: row.No, ChangeRequestIDs: []int64{},
		})
	}
	return err
}

func addFoundSegments(ctx context.Context, tx pgx.Tx, names []string, found map[string]*FeatureSearchResponseSchema) error {
	rows, err := q.FeatureSearchSegmentList(ctx, tx, names)
	for _, row := range rows {
		found[row.Feature].Segments = append(found[row.Feature].Segments, row.Name)
	}
	return err
}

func addFoundTags(ctx context.Context, tx pgx.Tx, names []string, found map[string]*FeatureSearchResponseSchema) error {
	rows, err := q.FeatureSearchTagList(ctx, tx, names)
	for _, row := range rows {
		found[row.Feature].Tags = append(found[row.Feature].Tags, TagSchema{Type: row.Type, Value: row.Value})
	}
	return err
}

func featureSearchSchema(row queries.FeatureSearchListRow) FeatureSearchResponseSchema {
	f := row.Feature
	schema := FeatureSearchResponseSchema{
		Type: f.Type, Description: f.Description, Project: f.Project, Favorite: row.Favorite, Name: f.Name,
		CreatedAt: api.At(f.CreatedAt), Stale: f.Stale, ArchivedAt: api.AtOrNil(f.ArchivedAt), ImpressionData: f.ImpressionData,
		Environments: []FeatureSearchEnvironmentSchema{}, Segments: []string{}, CreatedBy: userBrief(f.CreatedByUserID, f.CreatedBy),
		Lifecycle: lifecycleStageSchema(feature.CurrentStage(feature.StagesOf(f, queries.FeatureLifecycle{
			PreLiveAt: row.PreLiveAt, LiveAt: row.LiveAt, CompletedAt: row.CompletedAt, Status: row.Status,
		}))),
	}
	// Dependencies are one level deep, so a flag is never both.
	for kind, is := range map[string]bool{"parent": row.IsParent, "child": row.IsChild} {
		if is {
			schema.DependencyType = &kind
		}
	}
	return schema
}
