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
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

// prefix starts the path of every operation here.
const prefix = "/api/admin"

var q = queries.New()

// API serves the Admin API.
type API struct {
	pool *pgxpool.Pool
	http *api.API
	gate *gate
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
func Register(target *api.API, pool *pgxpool.Pool) {
	a := &API{pool: pool, http: target, gate: &gate{pool: pool}}
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
