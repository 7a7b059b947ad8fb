package edge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// What an upstream's trouble costs in time. Every wait has jitter, so that edges that fail together do not return together.
const (
	// backoffFirst doubles with every failure in a row up to backoffMax: reconnecting a stream, and the first flags.
	backoffFirst = time.Second
	backoffMax   = 30 * time.Second

	// failuresMax bounds by how many intervals failing polls are drawn out.
	failuresMax = 10

	// refusedFirst doubles up to refusedMax while the upstream refuses the token.
	refusedFirst = time.Minute
	refusedMax   = 10 * time.Minute

	// A better mode is tried again after unsupportedFirst when the upstream does not know it, after troubleFirst when it
	// failed; each time twice as long up to the maximum.
	unsupportedFirst = 10 * time.Minute
	unsupportedMax   = time.Hour
	troubleFirst     = 30 * time.Second
	troubleMax       = 10 * time.Minute

	// streamTries is how many streams in a row may bring nothing before polling takes over.
	streamTries = 3
)

// statusError is an answer other than 200 and 304.
type statusError struct {
	code       int
	retryAfter time.Duration // what the upstream asked for; 0: nothing
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the upstream answered %d %s", e.code, http.StatusText(e.code))
}

func newStatusError(r *http.Response) *statusError {
	e := &statusError{code: r.StatusCode}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.retryAfter = min(time.Duration(seconds)*time.Second, unsupportedMax)
	}
	return e
}

// refused reports whether the upstream does not accept the token.
func refused(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.denied()
}

func (e *statusError) denied() bool {
	return e.code == http.StatusUnauthorized || e.code == http.StatusForbidden
}

// unsupported reports whether the upstream does not know the way it was asked, as opposed to having trouble with it. Which
// status it answers then differs: 404 or 501 from servers that never had it, 401 and 403 from some that have it for others.
func unsupported(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.code >= 300 && (status.code < 500 || status.code == http.StatusNotImplemented) &&
		status.code != http.StatusTooManyRequests && status.code != http.StatusRequestTimeout
}

func retryAfter(err error) time.Duration {
	var status *statusError
	if errors.As(err, &status) {
		return status.retryAfter
	}
	return 0
}

// doubled is first, doubled each time, at most limit, with jitter.
func doubled(first, limit time.Duration, times int) time.Duration {
	wait := first
	for range times {
		if wait >= limit {
			break
		}
		wait *= 2
	}
	return jittered(min(wait, limit))
}

// jittered is between three quarters and five quarters of d.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}

// bar keeps a mode from being tried for a while.
type bar struct {
	until   time.Time
	times   int  // in a row
	trouble bool // it was nothing that the upstream has said
}

func (b *bar) set(now time.Time, wait time.Duration) {
	b.until, b.trouble = now.Add(wait), false
	b.times++
}
