package proxy

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// bodyLimit is the largest body in bytes, as the legacy proxy's.
const bodyLimit = 100 * 1024

// handler is the legacy proxy's HTTP surface.
type handler struct {
	Config

	cors    *cors
	reports *client.Reports
	openapi []byte // nil: not served
}

// ServeHTTP takes a request through the legacy proxy's checks in its order: media type (415), syntax and schema of the
// body (400), readiness (503), key (401), and only then whether the path is enabled (501).
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, below := strings.CutPrefix(r.URL.Path, h.BasePath)
	path = strings.TrimRight(strings.ToLower(path), "/") // Express minds neither case nor a slash at the end
	if below && h.openapi != nil && h.serveOpenAPI(w, r, path) {
		return
	}
	if h.cors.handle(w, r) {
		return
	}
	path, proxied := strings.CutPrefix(path, "/proxy")
	if !below || !proxied {
		writeNotFound(w, r)
		return
	}
	text, ok := readBody(w, r)
	if !ok {
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	switch method + " " + path {
	case "GET ":
		h.get(w, r, false)
	case "POST ":
		h.post(w, r, text, false)
	case "GET /all":
		h.get(w, r, true)
	case "POST /all":
		h.post(w, r, text, true)
	case "GET /health":
		if h.isReady(w, r) {
			writeText(w, r, http.StatusOK, textHTML, "ok")
		}
	case "POST /client/metrics", "POST /all/client/metrics":
		h.report(w, r, text, metricsSchema, h.reports.Metrics)
	case "POST /client/register":
		h.report(w, r, text, registerSchema, h.reports.Register)
	case "GET /client/features":
		h.features(w, r)
	case "GET /internal-backstage/prometheus":
		h.prometheus(w, r)
	default:
		writeNotFound(w, r)
	}
}

// readBody reads the body, if there is one, or answers what is wrong with it and returns false.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if r.ContentLength == 0 {
		return nil, true
	}
	if sent := r.Header.Get("Content-Type"); sent != "" {
		if media, _, err := mime.ParseMediaType(sent); err != nil || media != "application/json" {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return nil, false
		}
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	switch {
	case len(text) > bodyLimit:
		writeFailure(w, r, http.StatusInternalServerError, failure{Error: unexpected + "request entity too large"})
		return nil, false
	case err != nil:
		writeFailure(w, r, http.StatusInternalServerError, failure{Error: unexpected + "request aborted"})
		return nil, false
	}
	return text, true
}

// get answers GET /proxy and GET /proxy/all: the context is in the query. The legacy proxy answers HEAD as if there were
// none.
func (h *handler) get(w http.ResponseWriter, r *http.Request, all bool) {
	known, ok := h.admit(w, r, all)
	if !ok {
		return
	}
	var c eval.Context
	if r.Method == http.MethodGet {
		readQuery(&c, r.URL.RawQuery)
	}
	if h.complete(w, r, &c) {
		drawSession(&c)
		h.toggles(w, r, known, &c, all)
	}
}

// post answers POST /proxy and POST /proxy/all: the context is in the body, and for the first, the flags asked for, too.
func (h *handler) post(w http.ResponseWriter, r *http.Request, text []byte, all bool) {
	body, ok := parse(w, r, text, lookupSchema)
	if !ok {
		return
	}
	known, ok := h.admit(w, r, all)
	if !ok {
		return
	}
	var c eval.Context
	readObject(&c, body["context"])
	if !h.complete(w, r, &c) {
		return
	}
	if names := textsOf(body["toggles"]); len(names) > 0 && !all {
		h.named(w, r, known, &c, names)
		return
	}
	drawSession(&c)
	h.toggles(w, r, known, &c, all)
}

// admit checks readiness, the key, and whether /all is enabled. If it returns false, it has answered.
func (h *handler) admit(w http.ResponseWriter, r *http.Request, all bool) (*token.Token, bool) {
	if !h.isReady(w, r) {
		return nil, false
	}
	known, ok := h.key(w, r, h.Clients)
	if ok && all && !h.EnableAll {
		writeText(w, r, http.StatusNotImplemented, textHTML, allDisabled)
		return nil, false
	}
	return known, ok
}

func (h *handler) isReady(w http.ResponseWriter, r *http.Request) bool {
	if h.Ready() {
		return true
	}
	writeText(w, r, http.StatusServiceUnavailable, textHTML, notReady)
	return false
}

// key finds whose key the request carries, asking one after the other of tokens, or answers itself and returns false.
func (h *handler) key(w http.ResponseWriter, r *http.Request, tokens ...api.Tokens) (*token.Token, bool) {
	sent := r.Header.Get(h.HeaderName)
	for _, known := range tokens {
		if known == nil || sent == "" {
			continue
		}
		found, err := known.Token(r.Context(), sent)
		switch {
		case err == nil:
			return found, true
		case !fault.Is(err, fault.Unauthenticated):
			h.Logger.Warn("key not checked", "component", "proxy", "err", err)
			writeText(w, r, http.StatusServiceUnavailable, textHTML, notReady)
			return nil, false
		}
	}
	writeText(w, r, http.StatusUnauthorized, textPlain, "Unauthorized")
	return nil, false
}

// complete fills in what the caller does not decide, then lets enrichers have the context.
func (h *handler) complete(w http.ResponseWriter, r *http.Request, c *eval.Context) bool {
	if h.Environment != "" {
		c.Environment = h.Environment
	}
	if c.RemoteAddress == "" {
		c.RemoteAddress = h.TrustProxy.ClientIP(r)
	}
	for _, enrich := range h.Enrichers {
		if err := enrich(r.Context(), c); err != nil {
			h.Logger.Warn("context not enriched", "component", "proxy", "err", err)
			writeFailure(w, r, http.StatusInternalServerError, failure{Error: unexpected + "the context could not be enriched"})
			return false
		}
	}
	return true
}

// report checks a report as the legacy proxy does and hands it on.
func (h *handler) report(w http.ResponseWriter, r *http.Request, text []byte, s *schema, take http.HandlerFunc) {
	if _, ok := parse(w, r, text, s); !ok {
		return
	}
	known, ok := h.key(w, r, h.Clients, h.ServerTokens)
	if !ok {
		return
	}
	handed := r.Clone(context.WithoutCancel(r.Context())) // it is all here; a caller who hangs up loses no report
	handed.Header.Set("Content-Type", jsonType)
	handed.Body = io.NopCloser(bytes.NewReader(text))
	take(w, api.WithToken(handed, known))
}

// features answers GET /proxy/client/features: the configuration itself, for SDKs of the back end.
func (h *handler) features(w http.ResponseWriter, r *http.Request) {
	if !h.isReady(w, r) {
		return
	}
	known, ok := h.key(w, r, h.ServerTokens)
	if !ok {
		return
	}
	withSegments := r.Header.Get("Unleash-Client-Spec") != ""
	var body []byte
	if document := h.Document(); document != nil {
		body = document.body(withSegments)
	} else if h.Store != nil {
		if state := h.Store.State(known.Scope.Environment); state != nil {
			query := replica.FeaturesQuery{Query: replica.Query{Scope: known.Scope}, InlineSegments: !withSegments}
			body = state.Features(query).Plain()
		}
	}
	if body == nil {
		writeText(w, r, http.StatusServiceUnavailable, textHTML, notReady)
		return
	}
	h.writeToggles(w, r, body)
}
