package client

import (
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// delta answers GET /api/client/delta: what has changed since the revision in If-None-Match, 304 if nothing has, or
// everything if that is not known. The ETag of each answer is the revision to ask with next.
func (h *reads) delta(w http.ResponseWriter, r *http.Request) {
	q, known, ok := query(w, r)
	if !ok {
		return
	}
	state := h.state(w, r, q.Scope.Environment)
	if state == nil {
		return
	}
	h.polled(r, state)
	payload, cursor := h.changes(r, known, state, q.Query)
	api.AddVary(w.Header())
	if payload == nil {
		w.Header()["Etag"] = []string{cursorTag(r, cursor)}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header()["Etag"] = []string{cursorTag(r, payload.Cursor)}
	if len(payload.JSON) >= api.GzipFrom && api.AcceptsGzip(r.Header) {
		api.WriteGzip(w, r, payload.Gzip())
		return
	}
	api.WriteJSON(w, r, payload.JSON)
}

// changes returns what the caller needs, or nil if that is nothing, with the cursor the caller has named.
func (h *reads) changes(r *http.Request, known *token.Token, state *replica.State, q replica.Query) (*replica.Payload, replica.Cursor) {
	for _, header := range r.Header["If-None-Match"] {
		for tag := range strings.SplitSeq(header, ",") {
			cursor, ok := replica.ParseCursor(tag)
			// Of a token that has changed since, the caller may hold flags that it shows no more, and lack others.
			if !ok || cursor.Revision < h.store.TokenRevision(known.ID) {
				continue
			}
			if payload, ok := state.Since(q, cursor); ok {
				return payload, cursor
			}
		}
	}
	return state.Hydration(q), replica.Cursor{}
}

// cursorTag writes a cursor as ETag. Edges read it as a number and cannot keep the mark.
func cursorTag(r *http.Request, cursor replica.Cursor) string {
	if isEdge(r.Header) {
		return `"` + cursor.Number() + `"`
	}
	return `"` + cursor.String() + `"`
}
