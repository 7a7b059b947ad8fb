// Package frontend serves what browsers and apps ask of /api/frontend: which flags are on for a context, and never a rule.
// What they report back goes the way of all reports.
//
// Evaluation is package evaluation's; here a request becomes a context and a set becomes an answer. The reads are on the
// router directly rather than behind huma: they are the hot path of a flag service. The package knows no SQL; it may
// import api, api/client, evaluation, eval, replica, sse, usage, token and fault.
package frontend

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
)

// Prefixes are the paths that the API is served under. The second is the name Edge has for it, too.
var Prefixes = []string{"/api/frontend", "/api/proxy"}

// Dependencies are what the routes need.
type Dependencies struct {
	Flags *evaluation.Evaluator
	Usage client.Usage

	// All serves /all as well, which tells the names of flags that are off.
	All bool
}

// Register puts the routes on router. They expect the token that api.RequireToken lets pass for token.Frontend under each
// of Prefixes, and api.CORS in front of that.
func Register(router chi.Router, d Dependencies) {
	h := &handler{flags: d.Flags}
	reported := client.NewReports(d.Usage, answerOK)
	for _, prefix := range Prefixes {
		get := func(path string, handle http.HandlerFunc) { router.Get(prefix+path, handle) }
		post := func(path string, handle http.HandlerFunc) { router.Post(prefix+path, handle) }
		get("", h.enabled)
		post("", h.enabled)
		get("/features/{name}", h.feature)
		post("/features/{name}", h.feature)
		post("/client/metrics", reported.Metrics)
		post("/client/register", reported.Register)
		if d.All {
			get("/all", h.all)
			post("/all", h.all)
			post("/all/client/metrics", reported.Metrics)
			post("/all/client/register", reported.Register)
		}
		get("/client/features", unsupported)
		get("/health", unsupported)
		get("/internal-backstage/prometheus", unsupported)
	}
}

// answerOK is Unleash's answer to browsers' reports.
func answerOK(w http.ResponseWriter) {
	header := w.Header()
	header["Content-Type"] = headerText
	header["Content-Length"] = headerTwo
	_, _ = w.Write([]byte("OK")) // the caller is gone; nothing is left to tell
}

// unsupported answers what the legacy proxy served under the same paths, and this API does not.
func unsupported(w http.ResponseWriter, r *http.Request) {
	api.WriteError(w, r, http.StatusMethodNotAllowed, "NotImplementedError", "The frontend API does not support this endpoint.")
}

// Values of headers that are the same in all answers. They are shared and must not be changed.
var (
	headerNoCache = []string{"no-cache"}
	headerText    = []string{"text/plain; charset=utf-8"}
	headerTwo     = []string{"2"}
)

// handler serves evaluated flags.
type handler struct {
	flags *evaluation.Evaluator
}

// errUnavailable tells SDKs to keep what they have and ask again: the token's environment may be on its way in or out.
func errUnavailable() error {
	return fault.New(fault.Unavailable, "The flags of this token's environment are not available yet. Try again.")
}
