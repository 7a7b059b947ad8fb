package api

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// GzipFrom is the size in bytes from which compressing is worth it: less fits into one packet anyway.
const GzipFrom = 1400

// Values of headers that are the same in all answers. They are shared and must not be changed.
var (
	headerJSON = []string{"application/json; charset=utf-8"}
	headerGzip = []string{"gzip"}
	headerVary = []string{"Accept-Encoding"}
)

// AddVary tells caches that the answer depends on Accept-Encoding.
func AddVary(header http.Header) {
	if len(header["Vary"]) == 0 {
		header["Vary"] = headerVary
		return
	}
	header.Add("Vary", "Accept-Encoding")
}

// WriteGzip answers with JSON that is compressed already.
func WriteGzip(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header()["Content-Encoding"] = headerGzip
	WriteJSON(w, r, body)
}

// WriteCompressible answers with JSON, compressed for this answer where it is worth it and the caller accepts it.
func WriteCompressible(w http.ResponseWriter, r *http.Request, body []byte) {
	AddVary(w.Header())
	if len(body) < GzipFrom || !AcceptsGzip(r.Header) {
		WriteJSON(w, r, body)
		return
	}
	Compress(body, func(compressed []byte) { WriteGzip(w, r, compressed) })
}

// Compress hands body to use, compressed. It is not to be kept.
func Compress(body []byte, use func(compressed []byte)) {
	compressed := gzipBuffers.Get().(*bytes.Buffer)
	defer gzipBuffers.Put(compressed)
	compressed.Reset()
	writer := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(writer)
	writer.Reset(compressed)
	_, _ = writer.Write(body) // a bytes.Buffer takes everything
	_ = writer.Close()
	use(compressed.Bytes())
}

var (
	gzipBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	gzipWriters = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
		return w
	}}
)

// WriteJSON answers with JSON as it is.
func WriteJSON(w http.ResponseWriter, r *http.Request, body []byte) {
	header := w.Header()
	header["Content-Type"] = headerJSON
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone; nothing is left to tell
	}
}

// AcceptsGzip reports whether gzip is at least as welcome as no encoding (RFC 9110, section 12.5.3).
func AcceptsGzip(header http.Header) bool {
	gzip, identity, others := -1.0, -1.0, -1.0
	for _, value := range header["Accept-Encoding"] {
		if value == "gzip" { // Go's and many others' only value
			return true
		}
		for part := range strings.SplitSeq(value, ",") {
			coding, parameter, _ := strings.Cut(part, ";")
			quality := qualityOf(parameter)
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				gzip = quality
			case strings.EqualFold(coding, "identity"):
				identity = quality
			case coding == "*":
				others = quality
			}
		}
	}
	if gzip < 0 {
		gzip = others
	}
	return gzip > 0 && gzip >= identity
}

// qualityOf reads the parameter q=… of a coding; without one it is 1, and unreadable ones count as 0.
func qualityOf(parameter string) float64 {
	parameter = strings.TrimSpace(parameter)
	if parameter == "" {
		return 1
	}
	name, value, _ := strings.Cut(parameter, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	quality, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return quality
}

// NoneMatch reports whether If-None-Match names the entity tag, compared weakly (RFC 9110, section 8.8.3.2). The answer is
// then 304, whatever Cache-Control says: SDKs send no-cache to have their own cache asked about.
func NoneMatch(r *http.Request, etag string) bool {
	opaque := strings.TrimPrefix(etag, "W/")
	for _, tags := range r.Header["If-None-Match"] {
		for tag := range strings.SplitSeq(tags, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == opaque {
				return true
			}
		}
	}
	return false
}
