package client

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
)

// polled notes that the caller was answered from the state. It runs on every poll: it makes nothing and reads headers in
// their canonical form.
func (h *reads) polled(r *http.Request, state *replica.State) {
	if h.polls == nil {
		return
	}
	p := fleet.Poll{
		Environment: state.Environment(), Revision: state.Cursor().Revision, Edge: isEdge(r.Header),
		AppName: first(r.Header["Unleash-Appname"]), ID: first(r.Header["Unleash-Connection-Id"]),
	}
	if p.ID == "" { // older SDKs
		p.ID = first(r.Header["Unleash-Instanceid"])
	}
	if ms, err := strconv.ParseUint(first(r.Header["Unleash-Interval"]), 10, 31); err == nil {
		p.Interval = time.Duration(ms) * time.Millisecond
	}
	h.polls.Polled(p)
}

// isEdge reports whether the caller calls itself an edge.
func isEdge(header http.Header) bool {
	return strings.EqualFold(first(header["Unleash-Sdk-Type"]), "edge") || strings.HasPrefix(first(header["User-Agent"]), "unleash-edge")
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
