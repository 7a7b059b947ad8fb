package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// FeatureLifecycleStageSchema is a stage that a flag has reached.
type FeatureLifecycleStageSchema struct {
	Stage     string   `json:"stage" enum:"initial,pre-live,live,completed,archived"`
	Status    string   `json:"status,omitempty" doc:"What was decided, at the stage completed only"`
	EnteredAt api.Time `json:"enteredStageAt"`
}

// FeatureLifecycleCompletedSchema is what was decided of a flag.
type FeatureLifecycleCompletedSchema struct {
	Status      string  `json:"status" enum:"kept,discarded,kept-with-variant"`
	StatusValue *string `json:"statusValue,omitempty" doc:"The variant, at kept-with-variant"`
}

// FeatureLifecycleCountSchema counts flags by their stage.
type FeatureLifecycleCountSchema struct {
	Initial   int64 `json:"initial"`
	PreLive   int64 `json:"preLive"`
	Live      int64 `json:"live"`
	Completed int64 `json:"completed"`
	Archived  int64 `json:"archived"`
}

type (
	lifecycleOutput      struct{ Body []FeatureLifecycleStageSchema }
	lifecycleCountOutput struct{ Body FeatureLifecycleCountSchema }
	completeInput        struct {
		FeaturePath
		Body FeatureLifecycleCompletedSchema
	}
)

func (a *API) registerFeatureLifecycle() {
	const group, ok = "Features", http.StatusOK
	const lifecycle = "/projects/{projectId}/features/{featureName}/lifecycle"
	read(a, access.Anyone, op(get, "/lifecycle/count", "getFeatureLifecycleStageCount", group), a.countLifecycles)
	read(a, access.Anyone, op(get, lifecycle, "getFeatureLifecycle", group), a.getLifecycle)
	write(a, access.UpdateFeature, op(post, lifecycle+"/complete", "complete", group, status(ok)), a.complete)
	write(a, access.UpdateFeature, op(post, lifecycle+"/uncomplete", "uncomplete", group, status(ok)), a.uncomplete)
}

func (a *API) countLifecycles(ctx context.Context, _ *struct{}) (*lifecycleCountOutput, error) {
	row, err := q.FeatureLifecycleCount(ctx, a.pool)
	return &lifecycleCountOutput{FeatureLifecycleCountSchema{
		Initial: row.Initial, PreLive: row.PreLive, Live: row.Live, Completed: row.Completed, Archived: row.Archived,
	}}, err
}

func (a *API) getLifecycle(ctx context.Context, in *featureInput) (*lifecycleOutput, error) {
	entries, err := feature.Lifecycle(ctx, a.pool, in.Project, in.Name)
	out := &lifecycleOutput{make([]FeatureLifecycleStageSchema, len(entries))}
	for i, e := range entries {
		out.Body[i] = lifecycleStageSchema(e)
	}
	return out, err
}

func (a *API) complete(ctx context.Context, tx pgx.Tx, in *completeInput) (*struct{}, error) {
	decision := feature.Completion{Status: in.Body.Status, Value: in.Body.StatusValue}
	return nil, feature.Complete(ctx, tx, in.Project, in.Name, decision)
}

func (a *API) uncomplete(ctx context.Context, tx pgx.Tx, in *featureInput) (*struct{}, error) {
	return nil, feature.Uncomplete(ctx, tx, in.Project, in.Name)
}

func lifecycleStageSchema(e feature.StageEntry) FeatureLifecycleStageSchema {
	return FeatureLifecycleStageSchema{Stage: string(e.Stage), Status: e.Status, EnteredAt: api.At(e.EnteredAt)}
}
