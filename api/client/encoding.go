package client

import (
	"net/http"
	"strconv"
	"strings"
)

// gzipFrom is the size in bytes from which compressing is worth it: less fits into one packet anyway.
const gzipFrom = 1400

// Values of headers that are the same in all answers. They are shared and must not be changed.
var (
	headerJSON = []string{"application/json; charset=utf-8"}
	headerGzip = []string{"gzip"}
	headerVary = []string{"Accept-Encoding"}
)

// addVary tells caches that the answer depends on Accept-Encoding.
func addVary(header http.Header) {
	if len(header["Vary"]) == 0 {
		header["Vary"] = headerVary
		return
	}
	header.Add("Vary", "Accept-Encoding")
}

func writeGzip(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header()["Content-Encoding"] = headerGzip
	writeJSON(w, r, body)
}

func writeJSON(w http.ResponseWriter, r *http.Request, body []byte) {
	header := w.Header()
	header["Content-Type"] = headerJSON
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone; nothing is left to tell
	}
}

// acceptsGzip reports whether gzip is at least as welcome as no encoding (RFC 9110, section 12.5.3).
func acceptsGzip(header http.Header) bool {
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
