package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/idempotency"
	"github.com/pennonhq/pennon/control/version"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// Header fields of versions and of repeated requests.
const (
	fieldETag     = "ETag"
	fieldMatch    = "If-Match"
	fieldNone     = "If-None-Match"
	fieldKey      = "Idempotency-Key"
	fieldReplayed = "Idempotency-Replayed"
)

// humaContext has another name than its method Context, so that it can be embedded.
type humaContext = huma.Context

// exchange is one request and its answer, where versions or idempotency keys play a part. It stands between huma and the
// connection, and holds the answer back where that is not known before the handler has run.
type exchange struct {
	humaContext

	resource *versioned // nil: none
	reading  bool
	version  string // read; or what a write has made, empty where there is none

	match   []string // If-Match
	missing bool     // a version was asked for and there is nothing: the handler says what is wrong

	key         *idempotency.Key // nil: none sent
	fingerprint []byte
	content     hash.Hash // of the request's body, as far as it was read

	answer *idempotency.Answer // to be written instead of what huma writes
	status int
	held   bytes.Buffer
}

type exchangeKey struct{}

// exchangeFrom returns the exchange of a request that came through withExchange.
func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// withExchange makes the exchange of a request, and finishes its answer.
func withExchange(resource *versioned, reading bool) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		x := &exchange{resource: resource, reading: reading, match: r.Header.Values(fieldMatch)}
		x.humaContext = huma.WithValue(ctx, exchangeKey{}, x)
		if values := r.Header.Values(fieldKey); len(values) > 0 && (r.Method == post || r.Method == patch) {
			key, err := idempotencyKey(r, values)
			if err != nil {
				api.WriteProblem(w, r, err)
				return
			}
			x.key, x.content = key, sha256.New()
		}
		next(x)
		switch {
		case x.answer != nil:
			x.writeAnswer(w)
		case x.holds() && x.status != 0:
			x.writeHeld(w, r)
		}
	}
}

// idempotencyKey takes the key as it is, and without the quotes that the standard asks for and few clients send.
func idempotencyKey(r *http.Request, values []string) (*idempotency.Key, error) {
	chosen := values[0]
	if len(chosen) >= 2 && chosen[0] == '"' && chosen[len(chosen)-1] == '"' {
		chosen = chosen[1 : len(chosen)-1]
	}
	odd := func(c rune) bool { return c <= ' ' || c > '~' }
	if len(values) > 1 || chosen == "" || len(chosen) > idempotency.MaxKeyLength || strings.ContainsFunc(chosen, odd) {
		return nil, fault.New(fault.Invalid, "The Idempotency-Key must be one of 1 to %d visible ASCII characters.", idempotency.MaxKeyLength)
	}
	credential := token.FromHeader(r.Header.Get("Authorization"))
	if credential == "" {
		return nil, fault.New(fault.Invalid, "An Idempotency-Key needs the request to carry an API token.")
	}
	key, err := idempotency.NewKey(credential, chosen)
	return &key, err
}

// parameter gives the version its parameters.
func (x *exchange) parameter(name string) string {
	if other, ok := x.resource.names[name]; ok {
		name = other
	}
	return x.Param(name)
}

func (x *exchange) readVersion(ctx context.Context, from version.Querier) (err error) {
	x.version, err = x.resource.Read(ctx, from, x.parameter)
	return err
}

// begin is called first in a write's transaction. The write is done already where it says so.
func (x *exchange) begin(ctx context.Context, tx pgx.Tx) (done bool, err error) {
	x.answer, x.version, x.missing = nil, "", false // of an attempt before
	if x.key != nil {
		x.fingerprint = x.key.Fingerprint([]byte(x.Method()), []byte(x.url()), x.content.Sum(nil))
		answer, err := idempotency.Begin(ctx, tx, *x.key, x.fingerprint)
		if err != nil {
			return false, err
		}
		if answer != nil {
			answer.Header[fieldReplayed] = []string{"true"}
			x.answer = answer
			return true, nil
		}
	}
	if x.resource == nil || len(x.match) == 0 {
		return false, nil
	}
	found, err := x.resource.Lock(ctx, tx, x.parameter)
	if err != nil {
		return false, err
	}
	if x.missing = found == ""; !x.missing && !matchesVersion(x.match, found) {
		return false, stale(x.resource)
	}
	return false, nil
}

func stale(r *versioned) error {
	return fault.New(fault.Stale, "The %s is not, or no longer, what If-Match says. Read it again before you change it.", r.Name())
}

// finish is called last in a write's transaction.
func (x *exchange) finish(ctx context.Context, tx pgx.Tx, h huma.API, out any) error {
	if x.missing {
		return stale(x.resource)
	}
	// Nobody waits for a version who neither sent one nor gets the thing itself, as when a flag is turned on.
	if x.resource != nil && (len(x.match) > 0 || hasBody(out) && !x.resource.below) {
		if err := x.readVersion(ctx, tx); err != nil {
			return err
		}
	}
	if x.key == nil {
		if x.version != "" {
			x.SetHeader(fieldETag, `"`+x.version+`"`)
		}
		return nil
	}
	answer, err := render(h, x.Operation().DefaultStatus, out)
	if err != nil {
		return err
	}
	if x.version != "" {
		answer.Header[fieldETag] = []string{`"` + x.version + `"`}
	}
	x.answer = answer
	return idempotency.Keep(ctx, tx, *x.key, x.fingerprint, *answer)
}

func (x *exchange) url() string {
	u := x.URL()
	return u.EscapedPath() + "?" + u.RawQuery
}

func (x *exchange) writeAnswer(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range x.answer.Header {
		header[name] = values
	}
	w.WriteHeader(x.answer.Status)
	_, _ = w.Write(x.answer.Body) // the caller is gone; nothing is left to tell
}

// writeHeld writes what huma has answered: with a tag, or with 304, where it is the answer to a read.
func (x *exchange) writeHeld(w http.ResponseWriter, r *http.Request) {
	if x.reading && x.status == http.StatusOK && x.version != "" {
		tag := `"` + x.version + "." + strconv.FormatUint(xxhash.Sum64(x.held.Bytes()), 16) + `"`
		w.Header().Set(fieldETag, tag)
		if matchesTag(r.Header.Values(fieldNone), tag) {
			w.Header().Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(x.status)
	_, _ = w.Write(x.held.Bytes()) // as above
}

// holds reports whether the answer is held back.
func (x *exchange) holds() bool { return x.reading || x.key != nil }

// SetStatus begins the answer. It and the methods below make an exchange the context that huma works with.
func (x *exchange) SetStatus(code int) {
	if x.status = code; !x.holds() {
		x.humaContext.SetStatus(code)
	}
}

// Status is the answer's status so far.
func (x *exchange) Status() int { return x.status }

// BodyWriter is where the answer goes.
func (x *exchange) BodyWriter() io.Writer {
	if x.holds() {
		return &x.held
	}
	return x.humaContext.BodyWriter()
}

// BodyReader is where the request comes from.
func (x *exchange) BodyReader() io.Reader {
	if x.content == nil {
		return x.humaContext.BodyReader()
	}
	return io.TeeReader(x.humaContext.BodyReader(), x.content)
}

// Unwrap leads to the request and the response writer.
func (x *exchange) Unwrap() huma.Context { return x.humaContext }
