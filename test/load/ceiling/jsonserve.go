// Package ceiling holds the bare Go programs Pennon is measured against. Each does one thing Pennon does and nothing
// else: no authentication, no logging, no metrics, no limits. They show what the machine gives to a program of the same
// shape; the distance to them is what Pennon's features cost.
package ceiling

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// JSONServe serves one prebuilt body: plain, gzip when the client takes it, 304 when the client has it.
func JSONServe(body []byte) (http.Handler, error) {
	var compressed bytes.Buffer
	gz := gzip.NewWriter(&compressed)
	if _, err := gz.Write(body); err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	if err := gz.Close(); err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	const etag = `"bench:1"`
	var (
		contentType   = []string{"application/json; charset=utf-8"}
		etags         = []string{etag}
		gzipCoding    = []string{"gzip"}
		plainLength   = []string{strconv.Itoa(len(body))}
		gzippedLength = []string{strconv.Itoa(compressed.Len())}
		gzipped       = compressed.Bytes()
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Etag"] = etags
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header["Content-Type"] = contentType
		// An error of Write means that the client has gone; there is nobody left to tell.
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header["Content-Encoding"] = gzipCoding
			header["Content-Length"] = gzippedLength
			_, _ = w.Write(gzipped)
			return
		}
		header["Content-Length"] = plainLength
		_, _ = w.Write(body)
	}), nil
}
