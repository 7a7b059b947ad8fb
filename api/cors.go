package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultCORSMaxAge is how long browsers may remember a preflight's answer, as Unleash's.
const DefaultCORSMaxAge = 24 * time.Hour

// Origins are the web origins that may read what is answered. They can be changed while requests are served: all methods
// are safe for concurrent use.
type Origins struct {
	current atomic.Pointer[originSet]
}

// originSet is immutable.
type originSet struct {
	any      bool
	exact    map[string]struct{}
	wildcard []wildcardOrigin
}

// wildcardOrigin is an origin like https://*.example.com: every name below, at any depth, but not example.com itself.
type wildcardOrigin struct {
	before string // https://
	after  string // .example.com
}

// NewOrigins allows those in list; see Set.
func NewOrigins(list ...string) *Origins {
	o := &Origins{}
	o.Set(list)
	return o
}

// Set replaces what is allowed: * for every origin, an origin (https://example.com:8443), or one whose first label is a
// star (https://*.example.com). Case and a slash at the end don't matter. What is none of these allows nothing.
func (o *Origins) Set(list []string) {
	set := &originSet{exact: map[string]struct{}{}}
	for _, origin := range list {
		origin = normalOrigin(origin)
		before, after, star := strings.Cut(origin, "*")
		switch {
		case origin == "":
		case origin == "*":
			set.any = true
		case !star:
			set.exact[origin] = struct{}{}
		case strings.HasSuffix(before, "://") && len(after) > 1 && after[0] == '.' && !strings.Contains(after, "*"):
			set.wildcard = append(set.wildcard, wildcardOrigin{before, after})
		}
	}
	o.current.Store(set)
}

func normalOrigin(origin string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(origin)), "/")
}

// Any reports whether every origin is allowed.
func (o *Origins) Any() bool { return o.current.Load().any }

// Allow reports whether pages of origin may read the answers.
func (o *Origins) Allow(origin string) bool {
	set := o.current.Load()
	if set.any {
		return true
	}
	origin = normalOrigin(origin)
	if _, ok := set.exact[origin]; ok {
		return true
	}
	return slices.ContainsFunc(set.wildcard, func(w wildcardOrigin) bool {
		label, ok := strings.CutPrefix(origin, w.before)
		if ok {
			label, ok = strings.CutSuffix(label, w.after)
		}
		return ok && label != "" && !strings.ContainsAny(label, "/:@?#")
	})
}

// CORS lets browsers read answers from pages of other origins, the way Unleash's frontend API does.
type CORS struct {
	Origins *Origins
	MaxAge  time.Duration // how long a preflight's answer may be remembered; zero: DefaultCORSMaxAge

	Methods        string // that pages may use; empty: GET, POST
	AllowedHeaders string // that pages may send; empty: those that they ask for
	ExposedHeaders string // that pages may read; empty: ETag
	Anonymous      bool   // never let pages send cookies
}

// Values of headers that are the same in all answers. They are shared and must not be changed.
var (
	corsAny         = []string{"*"}
	corsTrue        = []string{"true"}
	corsExposed     = []string{"ETag"}
	corsMethods     = []string{"GET, POST"}
	corsVary        = []string{"Origin"}
	corsVaryPrelude = []string{"Origin, Access-Control-Request-Headers"}
)

// Middleware answers preflights with 204 and adds the headers to everything else. It belongs in front of the token check:
// a preflight carries no token, and a page must be able to read why it was refused.
func (c CORS) Middleware(next http.Handler) http.Handler {
	maxAge := c.MaxAge
	if maxAge == 0 {
		maxAge = DefaultCORSMaxAge
	}
	seconds := []string{strconv.Itoa(int(maxAge.Seconds()))}
	methods, exposed := corsMethods, corsExposed
	if c.Methods != "" {
		methods = []string{c.Methods}
	}
	if c.ExposedHeaders != "" {
		exposed = []string{c.ExposedHeaders}
	}
	var allowed []string
	if c.AllowedHeaders != "" {
		allowed = []string{c.AllowedHeaders}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		origin := r.Header.Get("Origin")
		switch {
		case c.Origins.Any():
			header["Access-Control-Allow-Origin"] = corsAny
		case origin != "" && c.Origins.Allow(origin):
			header["Access-Control-Allow-Origin"] = []string{origin}
		}
		if !c.Anonymous {
			header["Access-Control-Allow-Credentials"] = corsTrue
		}
		header["Access-Control-Expose-Headers"] = exposed
		if r.Method != http.MethodOptions {
			header["Vary"] = corsVary
			next.ServeHTTP(w, r)
			return
		}
		header["Vary"] = corsVaryPrelude
		header["Access-Control-Allow-Methods"] = methods
		if allowed != nil {
			header["Access-Control-Allow-Headers"] = allowed
		} else if wanted := r.Header["Access-Control-Request-Headers"]; len(wanted) > 0 {
			header["Access-Control-Allow-Headers"] = wanted
		}
		header["Access-Control-Max-Age"] = seconds
		header["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusNoContent)
	})
}
