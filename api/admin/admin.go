// Package admin is the Admin API: /api/admin/*, one file a resource.
//
// A file reads from the top: schemas (named as Unleash's components), the register method (its table of contents, with
// the permission of each operation), handlers, mappers. Handlers unpack, call one control function and pack; who commits,
// who maps errors and who checks permissions is answered once, in operation.go. Rules live in control.
package admin

import (
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/control/setting"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

// prefix starts the path of every operation here.
const prefix = "/api/admin"

var q = queries.New()

// Config is what the Admin API has to know of the instance's configuration.
type Config struct {
	Limits          limit.Limits    // zero: limit.Default()
	FrontendOrigins []string        // browsers of these may call the frontend API until somebody sets others; nil: any
	Strategies      eval.Strategies // custom ones, which the playground evaluates too
	Fleet           *fleet.Exchange // what all nodes know of their clients; nil where only the OpenAPI document is wanted
}

// API serves the Admin API.
type API struct {
	pool   *pgxpool.Pool
	http   *api.API
	gate   *gate
	config Config
}

// Guard makes target refuse everything under /api/admin without a valid admin token. It comes before any registration on
// target.
func Guard(target *api.API, tokens api.Tokens) {
	target.Guard(prefix, func(next http.Handler) http.Handler {
		return api.RequireToken(tokens, token.Admin)(identify(next))
	})
}

// Register adds every operation to target, of which Guard has been called before. pool may be nil where only the OpenAPI
// document is wanted.
func Register(target *api.API, pool *pgxpool.Pool, config Config) {
	if config.Limits == (limit.Limits{}) {
		config.Limits = limit.Default()
	}
	if config.FrontendOrigins == nil {
		config.FrontendOrigins = []string{setting.AnyOrigin}
	}
	a := &API{pool: pool, http: target, gate: &gate{pool: pool}, config: config}
	for _, register := range a.resources() {
		register()
	}
}

// identify turns the admin token of the request into the actor that control functions and audit events see.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := api.TokenFrom(r.Context())
		id := access.AdminTokenUserID
		ctx := access.WithActor(r.Context(), access.Actor{
			Name:      known.Name,
			UserID:    &id,
			IP:        api.ClientIP(r),
			RequestID: api.RequestID(r.Context()),
			Grants:    []access.Grant{{Permission: access.Admin}},
		})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
