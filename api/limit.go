package api

import (
	"mime"
	"net/http"
	"strings"
)

// LimitBody makes reading more than limit bytes of the body fail; WriteProblem answers that failure with 413.
func LimitBody(limit int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			next.ServeHTTP(w, r)
		})
	}
}

// RequireJSON answers 415 to a request with a body type other than JSON, or without one, as Unleash does on routes that
// take a body.
func RequireJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if CheckContentType(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// CheckContentType reports whether the body is JSON. If not, it has answered with 415.
func CheckContentType(w http.ResponseWriter, r *http.Request) bool {
	sent := r.Header.Get("Content-Type")
	if isJSON(sent) {
		return true
	}
	shown := "you didn't provide one"
	if sent != "" {
		shown = sent
	}
	WriteError(w, r, http.StatusUnsupportedMediaType, "ContentTypeError",
		"We do not accept the content-type you provided ("+shown+"). Try using one of the content-types we do accept "+
			"instead (application/json) and make sure the body is in the corresponding format.")
	return false
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return mediaType == "application/json" || (strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"))
}
