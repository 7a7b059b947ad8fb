package admin

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/db"
)

// Methods, short because register methods are tables.
const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	patch  = http.MethodPatch
	remove = http.MethodDelete
)

// permissionKey is where an operation's metadata holds its access.Permission.
const permissionKey = "permission"

// option changes an operation from what op gives it.
type option func(*huma.Operation)

// op describes an operation. path is relative to /api/admin, id is Unleash's operation id, tag its group. The summary is
// made of the id.
func op(method, path, id, tag string, options ...option) huma.Operation {
	o := huma.Operation{
		Method:      method,
		Path:        prefix + path,
		OperationID: id,
		Tags:        []string{tag},
		Summary:     sentence(id),
		Errors:      []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable},
	}
	if strings.Contains(path, "{") {
		o.Errors = append(o.Errors, http.StatusNotFound)
	}
	if method != get && method != remove {
		o.Errors = append(o.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, apply := range options {
		apply(&o)
	}
	return o
}

// status sets the status of success.
func status(code int) option {
	return func(o *huma.Operation) { o.DefaultStatus = code }
}

// mayBeNotFound documents 404 where no name in the path, but one in the body, can be of nothing.
func mayBeNotFound(o *huma.Operation) { o.Errors = append(o.Errors, http.StatusNotFound) }

// deprecated marks what has a better successor.
func deprecated(o *huma.Operation) { o.Deprecated = true }

// sentence makes "Create feature strategy" of createFeatureStrategy.
func sentence(id string) string {
	var b strings.Builder
	for i, r := range id {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case unicode.IsUpper(r):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// read registers an operation that changes nothing. Callers without permission never reach h. Where the operation reads
// one of the resources of versions, it answers with an ETag.
func read[I, O any](a *API, permission access.Permission, o huma.Operation, h func(context.Context, *I) (*O, error)) {
	resource, ok := versions[o.OperationID]
	if !ok {
		register(a, permission, o, h)
		return
	}
	register(a, permission, o, func(ctx context.Context, in *I) (out *O, err error) {
		// Before what it is the version of: one that is too old is found out, one that is too new would not be.
		if err := exchangeFrom(ctx).readVersion(ctx, a.pool); err != nil {
			return nil, err
		}
		return h(ctx, in)
	}, withExchange(&resource, true))
	documentReadVersion(a.http.Huma, o, resource)
}

// write registers an operation that changes something. h runs in the one transaction of the request, which is committed
// when h returns no error and rolled back otherwise; h may run again after a serialization failure. What the request says
// of versions (If-Match) and of being repeated (Idempotency-Key) is seen to here, in the same transaction.
func write[I, O any](a *API, permission access.Permission, o huma.Operation, h func(context.Context, pgx.Tx, *I) (*O, error)) {
	registerWrite(a, permission, o, h, func() {}, a.refuseInMaintenance)
}

// registerWrite is write with a function that is called after each commit, and with other middlewares.
func registerWrite[I, O any](
	a *API, permission access.Permission, o huma.Operation, h func(context.Context, pgx.Tx, *I) (*O, error),
	committed func(), middlewares ...func(huma.Context, func(huma.Context)),
) {
	var resource *versioned
	if known, ok := versions[o.OperationID]; ok {
		resource = &known
	}
	register(a, permission, o, func(ctx context.Context, in *I) (out *O, err error) {
		ctx = event.Group(ctx)
		x := exchangeFrom(ctx)
		err = db.InTx(ctx, a.pool, func(tx pgx.Tx) (err error) {
			out = nil
			if done, err := x.begin(ctx, tx); done || err != nil {
				return err
			}
			if out, err = h(ctx, tx, in); err != nil {
				return err
			}
			return x.finish(ctx, tx, a.http.Huma, out)
		})
		if err != nil {
			return nil, err
		}
		committed()
		if x.answer != nil {
			return nil, nil // withExchange writes it
		}
		return out, nil
	}, append(middlewares, withExchange(resource, false))...)
	documentWrite(a.http.Huma, o, resource)
}

func register[I, O any](a *API, permission access.Permission, o huma.Operation, h func(context.Context, *I) (*O, error), middlewares ...func(huma.Context, func(huma.Context))) {
	o.Metadata = map[string]any{permissionKey: permission}
	names := permission.Names()
	if names == nil {
		names = []string{}
	}
	o.Extensions = map[string]any{"x-permission": names}
	if len(names) > 0 {
		o.Description = strings.TrimSpace(o.Description + "\n\nRequires the permission " + strings.Join(names, " or ") + ".")
	}
	o.MaxBodyBytes = max(o.MaxBodyBytes, a.http.BodyLimit()) + 1 // huma refuses a body of exactly that many bytes
	o.Middlewares = append(append(huma.Middlewares{authorize}, middlewares...), requireJSON)

	huma.Register(a.http.Huma, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(limit.With(ctx, a.config.Limits), in)
		if err != nil {
			return nil, api.ProblemOf(ctx, db.Fault(err))
		}
		return out, nil
	})
}

// authorize answers 401 and 403. The project and environment that the permission is needed for are the path's.
func authorize(ctx huma.Context, next func(huma.Context)) {
	permission, ok := ctx.Operation().Metadata[permissionKey].(access.Permission)
	if !ok {
		panic("operation without a permission: " + ctx.Operation().OperationID)
	}
	project := ctx.Param("projectId")
	if err := access.Require(ctx.Context(), permission, project, ctx.Param("environment")); err != nil {
		r, w := humachi.Unwrap(ctx)
		api.WriteProblem(w, r, err)
		return
	}
	next(huma.WithValue(ctx, pathProjectKey{}, project))
}

type pathProjectKey struct{}

// pathProject is the {projectId} of the path, or empty. It is for handlers that serve an operation of the instance and its
// twin of a project; others have the parameter in their input.
func pathProject(ctx context.Context) string {
	project, _ := ctx.Value(pathProjectKey{}).(string)
	return project
}

// pathProjectParameter documents the parameter that pathProject reads.
func pathProjectParameter(o *huma.Operation) {
	if strings.Contains(o.Path, "{projectId}") {
		o.Parameters = append(o.Parameters, &huma.Param{
			Name: "projectId", In: "path", Required: true, Description: "The project's id", Schema: &huma.Schema{Type: huma.TypeString},
		})
	}
}

// requireJSON answers 415 where a body is expected and something other than JSON comes.
func requireJSON(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().RequestBody != nil {
		if r, w := humachi.Unwrap(ctx); !api.CheckContentType(w, r) {
			return
		}
	}
	next(ctx)
}
