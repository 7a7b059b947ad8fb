package proxy

import (
	"net/http"
	"strconv"
	"time"
)

// Defaults of the legacy proxy.
const (
	defaultMethods = "GET, POST"
	defaultExposed = "ETag"
	defaultMaxAge  = 48 * time.Hour
)

// cors writes the headers in the way of the library that the legacy proxy uses.
type cors struct {
	CORS

	maxAge string
}

func newCORS(options CORS) *cors {
	if options.Methods == "" {
		options.Methods = defaultMethods
	}
	if options.ExposedHeaders == "" {
		options.ExposedHeaders = defaultExposed
	}
	if options.MaxAge == 0 {
		options.MaxAge = defaultMaxAge
	}
	if options.SuccessStatus == 0 {
		options.SuccessStatus = http.StatusNoContent
	}
	return &cors{CORS: options, maxAge: strconv.Itoa(int(options.MaxAge.Seconds()))}
}

// handle adds the headers, and reports whether the request was a preflight that it has answered.
func (c *cors) handle(w http.ResponseWriter, r *http.Request) bool {
	header := w.Header()
	if c.Origins == nil || c.Origins.Any() {
		header.Set("Access-Control-Allow-Origin", "*")
	} else {
		if origin := r.Header.Get("Origin"); origin != "" && c.Origins.Allow(origin) {
			header.Set("Access-Control-Allow-Origin", origin)
		}
		vary(header, "Origin")
	}
	if c.Credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	header.Set("Access-Control-Expose-Headers", c.ExposedHeaders)
	if r.Method != http.MethodOptions {
		return false
	}
	header.Set("Access-Control-Allow-Methods", c.Methods)
	if c.AllowedHeaders != "" {
		header.Set("Access-Control-Allow-Headers", c.AllowedHeaders)
	} else {
		vary(header, "Access-Control-Request-Headers")
		if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
			header.Set("Access-Control-Allow-Headers", wanted)
		}
	}
	header.Set("Access-Control-Max-Age", c.maxAge)
	if c.Continue {
		return false
	}
	header.Set("Content-Length", "0")
	w.WriteHeader(c.SuccessStatus)
	return true
}

// vary adds a name to the one header line that the legacy proxy has.
func vary(header http.Header, name string) {
	if known := header.Get("Vary"); known != "" {
		name = known + ", " + name
	}
	header.Set("Vary", name)
}
