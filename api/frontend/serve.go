package frontend

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
)

// maxPooled is the largest buffer in bytes that is kept for the next request.
const maxPooled = 1 << 20

// buffers hold answers while they are written.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// asks are what requests are read into.
var asks = sync.Pool{New: func() any { return new(Ask) }}

// enabled answers GET and POST /api/frontend: the flags that are on for the context.
func (h *handler) enabled(w http.ResponseWriter, r *http.Request) { h.serve(w, r, false) }

// all answers GET and POST /api/frontend/all: the same with the flags that are off.
func (h *handler) all(w http.ResponseWriter, r *http.Request) { h.serve(w, r, true) }

func (h *handler) serve(w http.ResponseWriter, r *http.Request, all bool) {
	set, ok := h.evaluate(w, r, nil)
	if !ok {
		return
	}
	header := w.Header()
	etag := set.ETag(all)
	header["Etag"] = []string{etag}
	header["Cache-Control"] = headerNoCache
	if api.NoneMatch(r, etag) {
		api.AddVary(header)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	buffer := buffers.Get().(*[]byte)
	if all {
		*buffer = set.AppendAll((*buffer)[:0])
	} else {
		*buffer = set.AppendEnabled((*buffer)[:0])
	}
	api.WriteCompressible(w, r, *buffer)
	if cap(*buffer) <= maxPooled {
		buffers.Put(buffer)
	}
}

// feature answers GET and POST /api/frontend/features/{name}: one flag, on or off.
func (h *handler) feature(w http.ResponseWriter, r *http.Request) {
	name := chi.URLParam(r, "name")
	if unescaped, err := url.PathUnescape(name); err == nil && r.URL.RawPath != "" { // chi has matched the raw path then
		name = unescaped
	}
	set, ok := h.evaluate(w, r, []string{name})
	if !ok {
		return
	}
	if set.Len() == 0 {
		api.WriteProblem(w, r, fault.New(fault.NotFound, "Could not find feature flag %s", name))
		return
	}
	header := w.Header()
	etag := set.ETag(true)
	header["Etag"] = []string{etag}
	header["Cache-Control"] = headerNoCache
	if api.NoneMatch(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	list := set.AppendAll(nil)
	api.WriteJSON(w, r, list[len(`{"toggles":[`):len(list)-len(`]}`)])
}

// evaluate reads the request and evaluates it, for names only if there are any. If it returns false, it has answered.
func (h *handler) evaluate(w http.ResponseWriter, r *http.Request, names []string) (set *evaluation.Set, ok bool) {
	ask := asks.Get().(*Ask)
	defer func() {
		*ask = Ask{}
		asks.Put(ask)
	}()
	if !Read(w, r, ask) {
		return nil, false
	}
	if names != nil {
		ask.Request.Names = names
	}
	set, known := h.flags.Evaluate(ask.Request, &ask.Context)
	if !known {
		api.WriteProblem(w, r, errUnavailable())
	}
	return set, known
}
