package proxy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// openapiText is the document of the legacy proxy, which is under the Apache licence, too.
//
//go:embed openapi.json
var openapiText []byte

// openapi is the document for a proxy with that base path and header of keys.
func openapi(basePath, headerName string) []byte {
	quoted := func(text string) []byte {
		b, _ := json.Marshal(text) // strings always marshal
		return b
	}
	text := bytes.Replace(openapiText, []byte(`"name":"authorization"`), append([]byte(`"name":`), quoted(strings.ToLower(headerName))...), 1)
	if basePath != "" {
		prefix := bytes.TrimSuffix(quoted(basePath), []byte(`"`))
		for _, after := range []string{`":{"`, `/`} {
			text = bytes.ReplaceAll(text, []byte(`"/proxy`+after), append(bytes.Clone(prefix), `/proxy`+after...))
		}
	}
	return text
}

// serveOpenAPI answers below /docs. These answers come without CORS and compression.
func (h *handler) serveOpenAPI(w http.ResponseWriter, r *http.Request, path string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	header := w.Header()
	switch path {
	case "/docs/openapi.json":
		header["ETag"] = []string{etag(h.openapi)}
		header.Set("Content-Type", jsonType)
		header.Set("Content-Length", strconv.Itoa(len(h.openapi)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(h.openapi) // the caller is gone; nothing is left to tell
		}
	case "/docs/openapi":
		if strings.HasSuffix(r.URL.Path, "/") {
			header.Set("Content-Type", textHTML)
			writePage(w, r, http.StatusOK, "Unleash Proxy API", "The document is at "+h.BasePath+"/docs/openapi.json")
			return true
		}
		header.Set("Content-Security-Policy", "default-src 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Location", h.BasePath+"/docs/openapi/")
		header.Set("Content-Type", "text/html; charset=UTF-8")
		writePage(w, r, http.StatusMovedPermanently, "Redirecting", "Redirecting to "+h.BasePath+"/docs/openapi/")
	default:
		return false
	}
	return true
}

// prometheus answers GET /proxy/internal-backstage/prometheus.
func (h *handler) prometheus(w http.ResponseWriter, r *http.Request) {
	if !h.isReady(w, r) {
		return
	}
	var b strings.Builder
	metric := func(name, kind, help string, value int64) {
		b.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n" + name + " " + strconv.FormatInt(value, 10) + "\n")
	}
	metric("last_metrics_update_epoch_timestamp_ms", "gauge",
		"An epoch timestamp (in milliseconds) set to when our unleash-client last got an update from upstream Unleash", h.Updated().UnixMilli())
	b.WriteByte('\n')
	metric("last_metrics_fetch_epoch_timestamp_ms", "gauge",
		"An epoch timestamp (in milliseconds) set to when our unleash-client last checked (regardless if there was an update or not)", h.Fetched().UnixMilli())
	b.WriteByte('\n')
	metric("unleash_proxy_up", "counter", "Indication that the service is up.", 1)
	if h.Metrics != nil {
		b.Write(h.Metrics())
	}
	writeText(w, r, http.StatusOK, textPlain+"; version=0.0.4", b.String())
}
