package ofrep

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/usage"
)

const (
	// floorPatience is how long a request waits for the state it knows to exist, floorStep how often that is looked for.
	floorPatience = time.Second
	floorStep     = 20 * time.Millisecond

	// defaultApp is what evaluations of contexts without appName are booked under.
	defaultApp = "openfeature"

	// usualFragment is about how many bytes a flag's answer has.
	usualFragment = 192
)

// single answers POST /ofrep/v1/evaluate/flags/{key}: one flag, for a context that is another each time. The evaluation is
// counted as usage, as the caller acts on it.
func (h *Handler) single(w http.ResponseWriter, r *http.Request) {
	key := keyOf(r)
	c, ok := h.readContext(w, r, key)
	if !ok {
		return
	}
	scope := api.TokenFrom(r.Context()).Scope
	state := h.config.Store.State(scope.Environment)
	if state == nil {
		notLoaded(w)
		return
	}
	compiled := state.Compiled().Lookup(key)
	if compiled == nil || !scope.Sees(compiled.Feature().Project) {
		writeFailure(w, http.StatusNotFound, failure{Key: key, Code: codeNotFound, Details: "There is no such flag."})
		return
	}
	result := compiled.Evaluate(&c)
	h.count(&c, scope.Environment, key, result)
	answer := h.shapes.of(compiled.Feature()).fragment(compiled.Feature(), result)
	if answer.failed {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(answer.json) // the caller is gone; nothing is left to tell
		return
	}
	api.WriteJSON(w, r, answer.json)
}

// keyOf is the flag's name in the path, where clients send it percent-encoded.
func keyOf(r *http.Request) string {
	key := chi.URLParam(r, "key")
	if r.URL.RawPath == "" {
		return key // decoded already
	}
	if decoded, err := url.PathUnescape(key); err == nil {
		return decoded
	}
	return key
}

// count books an evaluation.
func (h *Handler) count(c *eval.Context, environment, key string, result eval.Result) {
	app := c.AppName
	if app == "" {
		app = defaultApp
	}
	counted := usage.Count{No: 1}
	if result.Enabled {
		counted = usage.Count{Yes: 1}
	}
	counted.Variants = map[string]int64{result.VariantResult().Name: 1}
	h.config.Usage.Count(usage.Key{Feature: key, App: app, Environment: environment, Hour: usage.Hour(h.now())}, counted)
}

// bulk answers POST /ofrep/v1/evaluate/flags: all flags the token sees, for a context that stays. What of it is used is not
// known here, so nothing is counted.
func (h *Handler) bulk(w http.ResponseWriter, r *http.Request) {
	c, ok := h.readContext(w, r, "")
	if !ok {
		return
	}
	h.awaitFloor(r)
	session := sessionOf(r)
	// What the client said, with its session: the evaluation's own fields come after the ticket.
	offered := h.admit(secretOf(r), &c, session)
	session.settle(&c, api.TokenFrom(r.Context()).Kind)
	request := evaluation.Request{Scope: api.TokenFrom(r.Context()).Scope}
	set, known := h.config.Flags.Evaluate(request, &c)
	if !known {
		notLoaded(w)
		return
	}
	tag := etag(h.hash(set), offered.epoch, session)
	header := w.Header()
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, no-cache")
	if !noneMatches(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	api.WriteCompressible(w, r, h.appendBulk(set, offered))
}

// hash is that of everything a set answers, whatever the order.
func (h *Handler) hash(set *evaluation.Set) uint64 {
	h.shapes.expect(set.Len())
	sum := uint64(set.Len())
	for toggle := range set.Toggles() {
		sum += h.shapes.of(toggle.Feature).fragment(toggle.Feature, toggle.Result).hash
	}
	return sum
}

func (h *Handler) appendBulk(set *evaluation.Set, offered admission) []byte {
	body := slices.Grow([]byte(nil), usualFragment*set.Len()+len(offered.ticket)+256)
	body = append(body, `{"flags":[`...)
	start := len(body)
	for toggle := range set.Toggles() {
		if len(body) > start {
			body = append(body, ',')
		}
		body = append(body, h.shapes.of(toggle.Feature).fragment(toggle.Feature, toggle.Result).json...)
	}
	body = append(body, ']')
	if offered.ticket != "" {
		// Without an origin: clients then use the one they were told to ask, which is right behind any proxy.
		body = append(body, `,"eventStreams":[{"type":"sse","endpoint":{"requestUri":`...)
		body = append(body, openfeature.Quote(h.config.BasePath+PathStream+"?ticket="+offered.ticket)...)
		body = append(body, `}}]`...)
	}
	return append(body, '}')
}

// awaitFloor waits until this server has the state that an event told the client of: another server may have sent it. It
// does so for a moment only; then what there is must do. flagConfigLastModified is accepted too, but as events name their
// state, nobody has to compare clocks.
func (h *Handler) awaitFloor(r *http.Request) {
	floor, ok := replica.ParseCursor(r.URL.Query().Get("flagConfigEtag"))
	environment := api.TokenFrom(r.Context()).Scope.Environment
	if !ok || h.reached(environment, floor) {
		return
	}
	ticker, patience := time.NewTicker(floorStep), time.NewTimer(floorPatience)
	defer ticker.Stop()
	defer patience.Stop()
	for {
		select {
		case <-ticker.C:
			if h.reached(environment, floor) {
				return
			}
		case <-patience.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (h *Handler) reached(environment string, floor replica.Cursor) bool {
	state := h.config.Store.State(environment)
	return state == nil || state.Cursor().Revision >= floor.Revision
}

// format writes a hash as the ids of events have it.
func format(hash uint64) string { return strconv.FormatUint(hash, 16) }
