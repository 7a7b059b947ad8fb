package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/maintenance"
	"github.com/pennonhq/pennon/db"
)

// MaintenanceSchema says whether changes are refused.
type MaintenanceSchema struct {
	Enabled bool `json:"enabled"`
}

// ToggleMaintenanceSchema refuses changes, or allows them again.
type ToggleMaintenanceSchema struct {
	Enabled bool `json:"enabled"`
}

type (
	maintenanceOutput    struct{ Body MaintenanceSchema }
	setMaintenanceInput  struct{ Body ToggleMaintenanceSchema }
	setMaintenanceOutput struct{}
)

func (a *API) registerMaintenance() {
	const tag = "Maintenance"
	read(a, access.UpdateMaintenance, op(get, "/maintenance", "getMaintenance", tag), a.maintenanceMode)
	// Not with write, which maintenance itself would refuse.
	registerWrite(a, access.UpdateMaintenance, op(post, "/maintenance", "toggleMaintenance", tag, status(204)), a.setMaintenance, a.gate.forget)
}

func (a *API) maintenanceMode(ctx context.Context, _ *struct{}) (*maintenanceOutput, error) {
	enabled, err := maintenance.Enabled(ctx, a.pool)
	return &maintenanceOutput{Body: MaintenanceSchema{Enabled: enabled}}, err
}

func (a *API) setMaintenance(ctx context.Context, tx pgx.Tx, in *setMaintenanceInput) (*setMaintenanceOutput, error) {
	return nil, maintenance.Set(ctx, tx, in.Body.Enabled)
}

// refuseInMaintenance answers 503 to changes while maintenance goes on.
func (a *API) refuseInMaintenance(ctx huma.Context, next func(huma.Context)) {
	closed, err := a.gate.isClosed(ctx.Context())
	r, w := humachi.Unwrap(ctx)
	switch {
	case err != nil:
		api.WriteProblem(w, r, db.Fault(err))
	case closed:
		api.WriteMessage(w, r, http.StatusServiceUnavailable, "Unleash is currently in maintenance mode.")
	default:
		next(ctx)
	}
}

// gateAge is how long a node may take to notice that another one switched maintenance.
const gateAge = time.Second

// gate remembers whether maintenance goes on, so that changes do not have to ask the database each. It is safe for
// concurrent use.
type gate struct {
	pool *pgxpool.Pool

	mu     sync.Mutex
	closed bool      // mu
	readAt time.Time // mu
}

func (g *gate) isClosed(ctx context.Context) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.readAt) >= gateAge {
		closed, err := maintenance.Enabled(ctx, g.pool)
		if err != nil {
			return false, err
		}
		g.closed, g.readAt = closed, now
	}
	return g.closed, nil
}

// forget has the next change ask the database.
func (g *gate) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readAt = time.Time{}
}
