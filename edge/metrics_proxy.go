package edge

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/metrics"
)

// connectMetrics returns what writes all that a proxy knows of itself.
func (p *Proxy) connectMetrics() func() []byte {
	p.requests = metrics.NewRequests(func(string) bool { return false })
	p.forwarder.Buffer.TellFlagsApart()
	var registry metrics.Registry
	registry.Collect(func(w *metrics.Writer) {
		if w.Family("pennon_build_info", "The version that runs.", metrics.KindGauge) {
			w.Sample(1, label("version", p.config.Version), label("go_version", runtime.Version()))
		}
	})
	registry.Collect(p.upstream.collect)
	registry.Collect(p.forwarder.collect)
	registry.Collect(func(w *metrics.Writer) { collectRequests(w, p.requests, p.upstream.identity()) })
	registry.Collect(metrics.CollectProcess)
	return func() []byte { return registry.Write([]byte("\n")) }
}

// observed counts requests, by the routes there are.
func (p *Proxy) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		noted := &notedStatus{ResponseWriter: w}
		next.ServeHTTP(noted, r)
		if noted.status == 0 {
			noted.status = http.StatusOK // as net/http does
		}
		path := strings.TrimPrefix(r.URL.Path, p.config.BasePath)
		switch {
		case strings.HasPrefix(path, "/proxy"+Backstage):
			return
		case !proxyPaths[path]:
			path = api.UnknownPath
		}
		p.requests.Observe(path, r.Method, noted.status, time.Since(began))
	})
}

// proxyPaths are the paths that are told apart.
var proxyPaths = map[string]bool{
	"/proxy": true, "/proxy/all": true, "/proxy/health": true, "/proxy/client/features": true, "/proxy/client/metrics": true,
	"/proxy/all/client/metrics": true, "/proxy/client/register": true, "/docs/openapi.json": true, "/docs/openapi/": true,
}

// notedStatus is a writer that notes the status.
type notedStatus struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (n *notedStatus) WriteHeader(status int) {
	if n.status == 0 && status >= http.StatusOK {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (n *notedStatus) Unwrap() http.ResponseWriter { return n.ResponseWriter }
