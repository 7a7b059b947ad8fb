package admin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/segment"
	"github.com/pennonhq/pennon/queries"
)

// AdminSegmentSchema is a segment with how much uses it.
type AdminSegmentSchema struct {
	ID             int32              `json:"id"`
	Name           string             `json:"name"`
	Description    *string            `json:"description" nullable:"true"`
	Constraints    []ConstraintSchema `json:"constraints" nullable:"false"`
	CreatedBy      string             `json:"createdBy"`
	CreatedAt      api.Time           `json:"createdAt"`
	Project        *string            `json:"project,omitempty" nullable:"true"`
	UsedInProjects int32              `json:"usedInProjects"`
	UsedInFeatures int32              `json:"usedInFeatures"`
}

// SegmentsSchema is a list of segments.
type SegmentsSchema struct {
	Segments []AdminSegmentSchema `json:"segments" nullable:"false"`
}

// UpsertSegmentSchema describes a segment to be stored.
type UpsertSegmentSchema struct {
	Name        string             `json:"name"`
	Description *string            `json:"description,omitempty" nullable:"true"`
	Project     *string            `json:"project,omitempty" nullable:"true" doc:"Only for flags of this project"`
	Constraints []ConstraintSchema `json:"constraints" nullable:"false"`
}

// SegmentStrategiesSchema is a list of the strategies that use a segment.
type SegmentStrategiesSchema struct {
	Strategies              []StrategyUse `json:"strategies" nullable:"false"`
	ChangeRequestStrategies []StrategyUse `json:"changeRequestStrategies" nullable:"false"`
}

// StrategyUse says where a strategy is.
type StrategyUse struct {
	ID           string `json:"id"`
	FeatureName  string `json:"featureName"`
	ProjectID    string `json:"projectId"`
	Environment  string `json:"environment"`
	StrategyName string `json:"strategyName"`
}

// UpdateFeatureStrategySegmentsSchema gives a strategy its segments.
type UpdateFeatureStrategySegmentsSchema struct {
	ProjectID     string  `json:"projectId"`
	StrategyID    string  `json:"strategyId"`
	EnvironmentID string  `json:"environmentId"`
	SegmentIDs    []int32 `json:"segmentIds" nullable:"false"`
}

// SegmentPath is the path of a segment.
type SegmentPath struct {
	ID int32 `path:"id" minimum:"0" maximum:"2147483647" doc:"The segment's id"`
}

type (
	segmentsOutput          struct{ Body SegmentsSchema }
	segmentOutput           struct{ Body AdminSegmentSchema }
	segmentStrategiesOutput struct{ Body SegmentStrategiesSchema }
	createSegmentInput      struct{ Body UpsertSegmentSchema }
	validateSegmentInput    struct{ Body NameSchema }
	strategySegmentsInput   struct {
		StrategyID string `path:"strategyId"`
	}
	updateSegmentInput struct {
		SegmentPath
		Body UpsertSegmentSchema
	}
	createSegmentOutput struct {
		Location string `header:"Location"`
		Body     AdminSegmentSchema
	}
	setStrategySegmentsInput struct {
		Body UpdateFeatureStrategySegmentsSchema
	}
	setStrategySegmentsOutput struct {
		Body UpdateFeatureStrategySegmentsSchema
	}
	validateConstraintInput struct{ Body ConstraintSchema }
)

func (a *API) registerSegments() {
	const tag = "Segments"
	creating := access.OneOf(access.CreateSegment, access.UpdateProjectSegment)
	updating := access.OneOf(access.UpdateSegment, access.UpdateProjectSegment)
	deleting := access.OneOf(access.DeleteSegment, access.UpdateProjectSegment)

	read(a, access.Anyone, op(get, "/segments", "getSegments", tag), a.segments)
	write(a, creating, op(post, "/segments", "createSegment", tag, status(201)), a.createSegment)
	read(a, access.Anyone, op(post, "/segments/validate", "validateSegment", tag, status(204)), a.validateSegment)
	write(a, access.UpdateFeatureStrategy, op(post, "/segments/strategies", "updateFeatureStrategySegments", "Strategies", status(201), mayBeNotFound), a.setStrategySegments)
	read(a, access.Anyone, op(get, "/segments/strategies/{strategyId}", "getSegmentsByStrategyId", tag), a.segmentsOfStrategy)
	read(a, access.Anyone, op(get, "/segments/{id}", "getSegment", tag), a.segment)
	write(a, updating, op(put, "/segments/{id}", "updateSegment", tag, status(204)), a.updateSegment)
	write(a, deleting, op(remove, "/segments/{id}", "removeSegment", tag, status(204)), a.deleteSegment)
	read(a, access.Anyone, op(get, "/segments/{id}/strategies", "getStrategiesBySegmentId", tag), a.strategiesOfSegment)
	read(a, access.Anyone, op(post, "/constraints/validate", "validateConstraint", "Features", status(204)), a.validateConstraint)
}

func (a *API) segments(ctx context.Context, _ *struct{}) (*segmentsOutput, error) {
	return listSegments(ctx, a.pool, queries.SegmentListParams{})
}

func (a *API) segmentsOfStrategy(ctx context.Context, in *strategySegmentsInput) (*segmentsOutput, error) {
	return listSegments(ctx, a.pool, queries.SegmentListParams{StrategyID: &in.StrategyID})
}

func (a *API) segment(ctx context.Context, in *SegmentPath) (*segmentOutput, error) {
	schema, err := segmentWithID(ctx, a.pool, in.ID)
	return &segmentOutput{Body: schema}, err
}

func (a *API) createSegment(ctx context.Context, tx pgx.Tx, in *createSegmentInput) (*createSegmentOutput, error) {
	row, err := segment.Create(ctx, tx, in.Body.input())
	if err != nil {
		return nil, err
	}
	schema, err := segmentWithID(ctx, tx, row.ID)
	return &createSegmentOutput{Location: fmt.Sprintf("segments/%d", row.ID), Body: schema}, err
}

func (a *API) updateSegment(ctx context.Context, tx pgx.Tx, in *updateSegmentInput) (*struct{}, error) {
	_, err := segment.Update(ctx, tx, in.ID, in.Body.input())
	return nil, err
}

func (a *API) deleteSegment(ctx context.Context, tx pgx.Tx, in *SegmentPath) (*struct{}, error) {
	return nil, segment.Delete(ctx, tx, in.ID)
}

func (a *API) validateSegment(ctx context.Context, in *validateSegmentInput) (*struct{}, error) {
	return nil, segment.CheckName(ctx, a.pool, in.Body.Name, nil)
}

func (a *API) strategiesOfSegment(ctx context.Context, in *SegmentPath) (*segmentStrategiesOutput, error) {
	rows, err := q.SegmentStrategies(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	out := &segmentStrategiesOutput{Body: SegmentStrategiesSchema{Strategies: []StrategyUse{}, ChangeRequestStrategies: []StrategyUse{}}}
	for _, row := range rows {
		out.Body.Strategies = append(out.Body.Strategies, StrategyUse{
			ID: row.ID, FeatureName: row.Feature, ProjectID: row.Project, Environment: row.Environment, StrategyName: row.StrategyName,
		})
	}
	return out, nil
}

// setStrategySegments names its project and environment in the body, so the permission is asked for again.
func (a *API) setStrategySegments(ctx context.Context, tx pgx.Tx, in *setStrategySegmentsInput) (*setStrategySegmentsOutput, error) {
	if err := access.Require(ctx, access.UpdateFeatureStrategy, in.Body.ProjectID, in.Body.EnvironmentID); err != nil {
		return nil, err
	}
	_, err := feature.SetStrategySegments(ctx, tx, in.Body.ProjectID, in.Body.EnvironmentID, in.Body.StrategyID, in.Body.SegmentIDs)
	return &setStrategySegmentsOutput{Body: in.Body}, err
}

func (a *API) validateConstraint(ctx context.Context, in *validateConstraintInput) (*struct{}, error) {
	_, err := constraint.Check(ctx, a.pool, constraintsOf([]ConstraintSchema{in.Body}))
	return nil, err
}

func (s UpsertSegmentSchema) input() segment.Input {
	return segment.Input{Name: s.Name, Description: s.Description, Project: s.Project, Constraints: constraintsOf(s.Constraints)}
}

func listSegments(ctx context.Context, db queries.DBTX, params queries.SegmentListParams) (*segmentsOutput, error) {
	rows, err := q.SegmentList(ctx, db, params)
	if err != nil {
		return nil, err
	}
	out := &segmentsOutput{Body: SegmentsSchema{Segments: []AdminSegmentSchema{}}}
	for _, row := range rows {
		schema, err := adminSegmentSchema(row)
		if err != nil {
			return nil, err
		}
		out.Body.Segments = append(out.Body.Segments, schema)
	}
	return out, nil
}

func segmentWithID(ctx context.Context, db queries.DBTX, id int32) (AdminSegmentSchema, error) {
	list, err := listSegments(ctx, db, queries.SegmentListParams{ID: &id})
	if err != nil {
		return AdminSegmentSchema{}, err
	}
	if len(list.Body.Segments) == 0 {
		return AdminSegmentSchema{}, segment.NotFound(id)
	}
	return list.Body.Segments[0], nil
}

func adminSegmentSchema(row queries.SegmentListRow) (AdminSegmentSchema, error) {
	var constraints []constraint.Constraint
	if err := json.Unmarshal(row.Constraints, &constraints); err != nil {
		return AdminSegmentSchema{}, fmt.Errorf("read constraints of segment %d: %w", row.ID, err)
	}
	return AdminSegmentSchema{
		ID: row.ID, Name: row.Name, Description: row.Description, Constraints: constraintSchemas(constraints),
		CreatedBy: row.CreatedBy, CreatedAt: api.At(row.CreatedAt), Project: row.Project,
		UsedInProjects: row.UsedInProjects, UsedInFeatures: row.UsedInFeatures,
	}, nil
}
