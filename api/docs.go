package api

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// docsFiles is the documentation page. It loads nothing from elsewhere, so it also works where there is no Internet.
//
//go:embed docs/docs.html docs/docs.css docs/docs.js
var docsFiles embed.FS

// docsPolicy lets the page run its own script and read its own origin, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveDocs serves the page at /docs; huma serves the document beside it, at /docs/openapi.json and /docs/openapi.yaml.
func (a *API) serveDocs() {
	for path, name := range map[string]string{"/docs": "docs/docs.html", "/docs/docs.css": "docs/docs.css", "/docs/docs.js": "docs/docs.js"} {
		content, err := fs.ReadFile(docsFiles, name)
		if err != nil { // embedded at build time
			panic(err)
		}
		a.Router.Get(path, func(w http.ResponseWriter, r *http.Request) {
			if sent := originalPath(r); strings.HasSuffix(sent, "/") { // relative addresses would miss
				http.Redirect(w, r, foldSlashes(sent), http.StatusMovedPermanently) //nolint:gosec // one slash first: it stays here
				return
			}
			w.Header().Set("Content-Security-Policy", docsPolicy)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
		})
	}
}
