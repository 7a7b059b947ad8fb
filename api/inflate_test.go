package api

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// empty is more than 1000 bytes that inflate to nothing.
func empty(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Comment = strings.Repeat("x", 500)
	w.Extra = make([]byte, 500)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zlibbed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestCompressedBodies(t *testing.T) {
	t.Parallel()
	const limit = 1000
	a := New(Config{}, slog.New(slog.DiscardHandler))
	a.Router.Post("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		default:
			_, _ = w.Write(body)
		}
	})
	zeros := strings.Repeat("\x00", limit+1)
	endless := bytes.Repeat(empty(t), maxDeflated/1000)
	for name, test := range map[string]struct {
		encoding string
		body     []byte
		status   int
		text     string
	}{
		"gzip":                           {"gzip", gzipped(t, "hello"), http.StatusOK, "hello"},
		"its old name":                   {"X-GZIP", gzipped(t, "hello"), http.StatusOK, "hello"},
		"zlib":                           {"deflate", zlibbed(t, "hello"), http.StatusOK, "hello"},
		"none":                           {"identity", []byte("hello"), http.StatusOK, "hello"},
		"up to the limit":                {"gzip", gzipped(t, zeros[1:]), http.StatusOK, zeros[1:]},
		"small, and large when inflated": {"gzip", gzipped(t, zeros), http.StatusRequestEntityTooLarge, ""},
		"a bomb":                         {"gzip", gzipped(t, strings.Repeat(zeros, 1000)), http.StatusRequestEntityTooLarge, ""},
		"without end and content":        {"gzip", endless, http.StatusRequestEntityTooLarge, ""},
		"not compressed":                 {"gzip", []byte("hello"), http.StatusBadRequest, ""},
		"cut off":                        {"gzip", gzipped(t, "hello")[:12], http.StatusBadRequest, ""},
		"not zlib":                       {"deflate", gzipped(t, "hello"), http.StatusBadRequest, ""},
		"an encoding that nobody undoes": {"br", []byte("hello"), http.StatusUnsupportedMediaType, ""},
		"more than one encoding":         {"gzip, gzip", gzipped(t, string(gzipped(t, "hello"))), http.StatusUnsupportedMediaType, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/echo", bytes.NewReader(test.body))
			r.Header.Set("Content-Encoding", test.encoding)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code, w.Body.String())
			if test.status == http.StatusOK {
				require.Equal(t, test.text, w.Body.String())
			}
			if test.status == http.StatusUnsupportedMediaType {
				require.Contains(t, w.Body.String(), "unsupported content encoding")
			}
		})
	}
}
