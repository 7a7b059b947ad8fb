package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// maxDeflated is how much of a compressed body is read, in bytes. What it inflates to is bounded by whoever reads it, but
// compressed data may go on and on without inflating to anything.
const maxDeflated = 8 << 20

// errDeflated is what reading a compressed body fails with that is not in the form its header says.
var errDeflated = errors.New("the request body is not compressed as Content-Encoding says")

// Inflate lets handlers read compressed bodies (Content-Encoding gzip, x-gzip or deflate) as if they were not, and answers
// 415 to other encodings. Limits of handlers are on what they read, so a small body that inflates to a large one is refused
// like a large one, when the limit is reached and not when everything is inflated.
func Inflate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Content-Encoding"]) > 0 && !inflate(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// inflate replaces the request's body, or answers 415 and returns false.
func inflate(w http.ResponseWriter, r *http.Request) bool {
	encoding := strings.Join(r.Header["Content-Encoding"], ",")
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return true
	case "gzip", "x-gzip":
		r.Body = &inflater{from: http.MaxBytesReader(w, r.Body, maxDeflated), open: openGzip}
	case "deflate":
		r.Body = &inflater{from: http.MaxBytesReader(w, r.Body, maxDeflated), open: zlib.NewReader}
	default:
		WriteMessage(w, r, http.StatusUnsupportedMediaType, fmt.Sprintf("unsupported content encoding %q", encoding))
		return false
	}
	r.ContentLength = -1 // it is not known
	r.Header.Del("Content-Encoding")
	return true
}

// inflater is a body that is inflated while it is read. Nothing is read before: the caller may have no right to be read.
type inflater struct {
	from io.ReadCloser
	open func(io.Reader) (io.ReadCloser, error)
	text io.ReadCloser // nil before the first Read
	err  error
}

// Read implements io.Reader.
func (i *inflater) Read(p []byte) (n int, err error) {
	if i.err != nil {
		return 0, i.err
	}
	if i.text == nil {
		if i.text, err = i.open(i.from); err != nil {
			i.text, i.err = nil, broken(err)
			return 0, i.err
		}
	}
	n, err = i.text.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(err)
	}
	i.err = err
	return n, err
}

// broken is what the handler sees of a failure. Limits keep their type, as they have their own answer.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", errDeflated, err)
}

// Close implements io.Closer.
func (i *inflater) Close() error {
	if i.text != nil {
		_ = i.text.Close()
		i.text = nil
	}
	i.err = http.ErrBodyReadAfterClose
	return i.from.Close()
}

// gzipReader goes back to its pool: each has 40 KiB of tables and window.
type gzipReader struct{ *gzip.Reader }

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

func openGzip(from io.Reader) (io.ReadCloser, error) {
	reader := gzipReaders.Get().(*gzip.Reader)
	if err := reader.Reset(from); err != nil {
		gzipReaders.Put(reader)
		return nil, err
	}
	return gzipReader{reader}, nil
}

// Close implements io.Closer.
func (g gzipReader) Close() error {
	err := g.Reader.Close()
	gzipReaders.Put(g.Reader)
	return err
}
