package proxy

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // entity tags of the legacy proxy are made with it; nothing is protected by it
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"strconv"

	"github.com/pennonhq/pennon/api"
)

// compressFrom is the size in bytes from which the legacy proxy compresses.
const compressFrom = 1024

// Media types as the legacy proxy writes them.
const (
	textPlain = "text/plain; charset=utf-8"
	textHTML  = "text/html; charset=utf-8"
	jsonType  = "application/json; charset=utf-8"
)

// Texts of the legacy proxy.
const (
	notReady    = "The Unleash Proxy has not connected to the Unleash API and is not ready to accept requests yet."
	allDisabled = "The /proxy/all endpoint is disabled. Please check your server configuration. To enable it, set the " +
		"`enableAllEndpoint` configuration option or `ENABLE_ALL_ENDPOINT` environment variable to `true`."
	unexpected = "Whoops! We dropped the ball on this one (an unexpected error occurred): "
	unparsable = "We were unable to parse the data you provided. Please check it for syntax errors. The message we got was: "
)

// failure is the body of errors.
type failure struct {
	Error      string      `json:"error"`
	Validation []violation `json:"validation,omitempty"`
}

// writeText answers with text. A nil request never gets 304 and no compression.
func writeText(w http.ResponseWriter, r *http.Request, status int, contentType, text string) {
	writeBody(w, r, status, contentType, []byte(text))
}

func writeFailure(w http.ResponseWriter, r *http.Request, status int, f failure) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(f); err != nil { // strings and numbers always marshal
		panic(err)
	}
	writeBody(w, r, status, jsonType, bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

// writeBody answers with a tagged body: 304 if the caller has it, compressed if that is worth it.
func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	tag := etag(body)
	if status != http.StatusOK || !unchanged(w, r, tag) {
		writeTagged(w, r, status, contentType, body, tag)
	}
}

// unchanged answers 304 if the caller has what the tag names, and then returns true.
func unchanged(w http.ResponseWriter, r *http.Request, tag string) bool {
	if r == nil || (r.Method != http.MethodGet && r.Method != http.MethodHead) || !api.NoneMatch(r, tag) {
		return false
	}
	w.Header()["ETag"] = []string{tag} // the legacy proxy's letters, which http.Header.Set would change
	w.WriteHeader(http.StatusNotModified)
	return true
}

// writeTagged answers with a body, compressed if that is worth it.
func writeTagged(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte, tag string) {
	header := w.Header()
	header["ETag"] = []string{tag}
	vary(header, "Accept-Encoding")
	header["Content-Type"] = []string{contentType}
	write := func(body []byte) {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(status)
		if r == nil || r.Method != http.MethodHead {
			_, _ = w.Write(body) // the caller is gone; nothing is left to tell
		}
	}
	if r != nil && len(body) >= compressFrom && api.AcceptsGzip(r.Header) {
		header["Content-Encoding"] = headerGzip
		api.Compress(body, write)
		return
	}
	write(body)
}

// headerGzip must not be changed.
var headerGzip = []string{"gzip"}

// etag is the weak entity tag that Express gives a body: its length and 27 characters of its SHA-1.
func etag(body []byte) string {
	sum := sha1.Sum(body) //nolint:gosec // see the import
	return `W/"` + strconv.FormatInt(int64(len(body)), 16) + "-" + base64.StdEncoding.EncodeToString(sum[:])[:27] + `"`
}

// writeNotFound answers as Express does for paths nobody serves.
func writeNotFound(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Type", textHTML)
	vary(header, "Accept-Encoding")
	writePage(w, r, http.StatusNotFound, "Error", "Cannot "+r.Method+" "+r.URL.EscapedPath())
}

// writePage writes one of Express's pages.
func writePage(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	page := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + title +
		"</title>\n</head>\n<body>\n<pre>" + html.EscapeString(text) + "</pre>\n</body>\n</html>\n"
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(page)) // the caller is gone; nothing is left to tell
	}
}
