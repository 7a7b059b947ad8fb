package client

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
)

// features answers GET /api/client/features: every flag the token may see, or 304 if the caller has them.
func (h *reads) features(w http.ResponseWriter, r *http.Request) {
	q, _, ok := query(w, r)
	if !ok {
		return
	}
	state := h.state(w, r, q.Scope.Environment)
	if state == nil {
		return
	}
	h.polled(r, state)
	body := state.Features(q)
	header := w.Header()
	header["Etag"] = []string{body.ETag()}
	api.AddVary(header)
	invited := h.invite(r)
	if invited {
		header["Fetch-Mode"] = []string{"streaming"}
		header["Cache-Control"] = []string{"no-store"} // it is for this client only
	}
	for _, tags := range r.Header["If-None-Match"] {
		if !invited && body.Matches(tags) { // SDKs heed an invitation only on a 200
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if body.Size() >= api.GzipFrom && api.AcceptsGzip(r.Header) {
		api.WriteGzip(w, r, body.Gzip())
		return
	}
	api.WriteJSON(w, r, body.Plain())
}

// feature answers GET /api/client/features/{featureName}: one flag alone.
func (h *reads) feature(w http.ResponseWriter, r *http.Request) {
	q, _, ok := query(w, r)
	if !ok {
		return
	}
	state := h.state(w, r, q.Scope.Environment)
	if state == nil {
		return
	}
	name := chi.URLParam(r, "featureName")
	if unescaped, err := url.PathUnescape(name); err == nil && r.URL.RawPath != "" { // chi has matched the raw path then
		name = unescaped
	}
	body, etag, found := state.Feature(q, name)
	if !found {
		api.WriteProblem(w, r, fault.New(fault.NotFound, "Could not find feature flag %s", name))
		return
	}
	w.Header()["Etag"] = []string{etag}
	for _, tags := range r.Header["If-None-Match"] {
		if replica.FeatureMatches(etag, tags) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	api.WriteJSON(w, r, body)
}
