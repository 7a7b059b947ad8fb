package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// ProjectFeaturesSchema lists the active flags of a project.
type ProjectFeaturesSchema struct {
	Version  int                    `json:"version"`
	Features []ProjectFeatureSchema `json:"features"`
}

// ProjectFeatureSchema is a flag in a list.
type ProjectFeatureSchema struct {
	Type           string                            `json:"type"`
	Description    *string                           `json:"description" nullable:"true"`
	Favorite       bool                              `json:"favorite"`
	Name           string                            `json:"name"`
	CreatedAt      api.Time                          `json:"createdAt"`
	Stale          bool                              `json:"stale"`
	ImpressionData bool                              `json:"impressionData"`
	Environments   []ProjectFeatureEnvironmentSchema `json:"environments"`
	Tags           []TagSchema                       `json:"tags,omitempty"`
}

// ProjectFeatureEnvironmentSchema is the state of a listed flag in one environment.
type ProjectFeatureEnvironmentSchema struct {
	Name                 string    `json:"name"`
	Enabled              bool      `json:"enabled"`
	Type                 string    `json:"type"`
	SortOrder            int32     `json:"sortOrder"`
	VariantCount         int32     `json:"variantCount"`
	LastSeenAt           *api.Time `json:"lastSeenAt" nullable:"true"`
	HasStrategies        bool      `json:"hasStrategies"`
	HasEnabledStrategies bool      `json:"hasEnabledStrategies"`
}

// UserBrief is someone who created or changed a flag.
type UserBrief struct {
	ID       int32  `json:"id"`
	Name     string `json:"name"`
	ImageURL string `json:"imageUrl"`
}

type (
	featureProjectInput   struct{ ProjectPath }
	projectFeaturesOutput struct{ Body ProjectFeaturesSchema }
)

func (a *API) getFeatures(ctx context.Context, in *featureProjectInput) (*projectFeaturesOutput, error) {
	out := &projectFeaturesOutput{ProjectFeaturesSchema{Version: 2, Features: []ProjectFeatureSchema{}}}
	// One snapshot, so that flags, environments and tags fit together.
	return out, a.snapshot(ctx, func(tx pgx.Tx) error {
		rows, err := q.FeatureList(ctx, tx, queries.FeatureListParams{Project: in.Project, Max: maxListed})
		if err != nil {
			return err
		}
		environments, err := projectEnvironments(ctx, tx, in.Project)
		if err != nil {
			return err
		}
		tags, err := projectTags(ctx, tx, in.Project)
		if err != nil {
			return err
		}
		favorites, err := projectFavorites(ctx, tx, in.Project)
		for _, row := range rows {
			schema := projectFeatureSchema(row, environments[row.Name], tags[row.Name])
			schema.Favorite = favorites[row.Name]
			out.Body.Features = append(out.Body.Features, schema)
		}
		return err
	})
}

func (a *API) getFeature(ctx context.Context, in *featureInput) (*featureOutput, error) {
	out := &featureOutput{}
	return out, a.snapshot(ctx, func(tx pgx.Tx) error {
		row, err := feature.GetActive(ctx, tx, in.Project, in.Name)
		if err != nil {
			return err
		}
		out.Body = featureSchema(row)
		creator := userBrief(row.CreatedByUserID, row.CreatedBy)
		out.Body.CreatedBy = &creator
		out.Body.Collaborators = &FeatureCollaboratorsSchema{Users: []UserBrief{creator}}
		if err := addKept(ctx, tx, row, &out.Body); err != nil {
			return err
		}
		if out.Body.Environments, err = featureEnvironments(ctx, tx, row.Name); err != nil {
			return err
		}
		return addFamily(ctx, tx, &out.Body)
	})
}

// snapshot runs fn in a read-only transaction in which every query sees the same state.
func (a *API) snapshot(ctx context.Context, fn func(tx pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, a.pool, options, fn)
}

// addKept adds links, the stage of the flag's life, and whether it is a favourite of the caller.
func addKept(ctx context.Context, tx pgx.Tx, row queries.Feature, s *FeatureSchema) error {
	links, err := q.FeatureLinkList(ctx, tx, row.Name)
	if err != nil {
		return err
	}
	s.Links = make([]FeatureLinkBrief, len(links))
	for i, link := range links {
		s.Links[i] = FeatureLinkBrief{ID: link.ID, URL: link.Url, Title: link.Title, Feature: row.Name}
	}
	stages, err := feature.LifecycleOf(ctx, tx, row)
	if err != nil {
		return err
	}
	stage := lifecycleStageSchema(feature.CurrentStage(stages))
	s.Lifecycle = &stage
	favorite, err := isFavorite(ctx, tx, row.Name)
	s.Favorite = &favorite
	return err
}

func isFavorite(ctx context.Context, tx pgx.Tx, name string) (bool, error) {
	user := access.ActorFrom(ctx).UserID
	if user == nil {
		return false, nil
	}
	return q.FeatureFavoriteExists(ctx, tx, queries.FeatureFavoriteExistsParams{UserID: *user, Feature: name})
}

// addFamily adds dependencies, children and tags.
func addFamily(ctx context.Context, tx pgx.Tx, s *FeatureSchema) error {
	dependencies, err := feature.Dependencies(ctx, tx, s.Name)
	if err != nil {
		return err
	}
	s.Dependencies = dependentFeatureSchemas(dependencies)
	if s.Children, err = q.FeatureDependencyListChildren(ctx, tx, s.Name); err != nil {
		return err
	}
	tags, err := q.FeatureTagList(ctx, tx, s.Name)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		s.Tags = append(s.Tags, TagSchema{Type: tag.Type, Value: tag.Value})
	}
	return nil
}

// featureEnvironments shows a flag in every environment its project uses.
func featureEnvironments(ctx context.Context, tx pgx.Tx, name string) ([]FeatureEnvironmentSchema, error) {
	rows, err := q.FeatureEnvironmentList(ctx, tx, queries.FeatureEnvironmentListParams{Feature: name})
	if err != nil {
		return nil, err
	}
	strategies, err := feature.AllStrategies(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	byEnvironment := map[string][]FeatureStrategySchema{}
	for _, s := range strategies {
		byEnvironment[s.Environment] = append(byEnvironment[s.Environment], featureStrategySchema(s))
	}
	usage, err := lastHour(ctx, tx, name)
	asked := map[string]queries.FeatureUsageLastHourRow{}
	for _, row := range usage {
		asked[row.Environment] = row
	}
	schemas := make([]FeatureEnvironmentSchema, len(rows))
	for i, row := range rows {
		schemas[i] = featureEnvironmentOf(row, byEnvironment[row.Name], asked[row.Name])
	}
	return schemas, err
}

func projectEnvironments(ctx context.Context, tx pgx.Tx, project string) (map[string][]ProjectFeatureEnvironmentSchema, error) {
	rows, err := q.FeatureEnvironmentListByProject(ctx, tx, queries.FeatureEnvironmentListByProjectParams{
		Project: project, Max: maxListed * 100,
	})
	if err != nil {
		return nil, err
	}
	byFeature := map[string][]ProjectFeatureEnvironmentSchema{}
	for _, row := range rows {
		byFeature[row.Feature] = append(byFeature[row.Feature], ProjectFeatureEnvironmentSchema{
			Name: row.Name, Enabled: row.Enabled, Type: row.Type, SortOrder: row.SortOrder, VariantCount: row.VariantCount,
			LastSeenAt: api.AtOrNil(row.LastSeenAt), HasStrategies: row.HasStrategies, HasEnabledStrategies: row.HasEnabledStrategies,
		})
	}
	return byFeature, nil
}

func projectTags(ctx context.Context, tx pgx.Tx, project string) (map[string][]TagSchema, error) {
	rows, err := q.FeatureTagListByProject(ctx, tx, queries.FeatureTagListByProjectParams{Project: project, Max: maxListed * 100})
	if err != nil {
		return nil, err
	}
	byFeature := map[string][]TagSchema{}
	for _, row := range rows {
		byFeature[row.Feature] = append(byFeature[row.Feature], TagSchema{Type: row.Type, Value: row.Value})
	}
	return byFeature, nil
}

// projectFavorites are the caller's.
func projectFavorites(ctx context.Context, tx pgx.Tx, project string) (map[string]bool, error) {
	user := access.ActorFrom(ctx).UserID
	if user == nil {
		return nil, nil
	}
	names, err := q.FeatureFavoriteList(ctx, tx, queries.FeatureFavoriteListParams{UserID: *user, Project: &project, Max: maxListed})
	favorites := make(map[string]bool, len(names))
	for _, name := range names {
		favorites[name] = true
	}
	return favorites, err
}

func projectFeatureSchema(row queries.Feature, environments []ProjectFeatureEnvironmentSchema, tags []TagSchema) ProjectFeatureSchema {
	if environments == nil {
		environments = []ProjectFeatureEnvironmentSchema{}
	}
	return ProjectFeatureSchema{
		Type: row.Type, Description: row.Description, Name: row.Name, CreatedAt: api.At(row.CreatedAt), Stale: row.Stale,
		ImpressionData: row.ImpressionData, Environments: environments, Tags: tags,
	}
}

// userBrief shows who acted. The picture is drawn by gravatar.com from the name alone, as in Unleash.
func userBrief(id *int32, name string) UserBrief {
	sum := sha256.Sum256([]byte(strings.ToLower(name)))
	brief := UserBrief{Name: name, ImageURL: "https://gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?s=42&d=retro&r=g"}
	if id != nil {
		brief.ID = *id
	}
	return brief
}
