package api

import (
	"mime"
	"net/http"
	"strings"
)

// CheckContentType reports whether the body is JSON. If not, or if the request does not say, it has answered with 415, as
// Unleash does on routes that take a body.
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
