package addon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pennonhq/pennon/outbound"
	"github.com/pennonhq/pennon/queries"
)

const (
	// MaxAttempts is how often a delivery is tried. With Backoff, the last attempt is about an hour and a half after the first.
	MaxAttempts = 10

	firstDelay = 10 * time.Second
	maxDelay   = time.Hour

	// loggedBody is how much of a request's and of a response's body the delivery log keeps, in bytes.
	loggedBody = 2 << 10
)

// delivery is the job of telling an integration of an event.
type delivery struct {
	EventID int64 `json:"eventId"`
	AddonID int32 `json:"addonId"`
}

// Kind names the job in the queue; jobs outlive versions, so it stays.
func (delivery) Kind() string { return "addon_delivery" }

// InsertOpts says how often the job is tried.
func (delivery) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: MaxAttempts} }

// permanent is an error that another attempt would meet again.
type permanent struct{ error }

// Backoff is how long to wait after an attempt (counted from 1) failed: twice as long each time, give or take a fifth, so
// that deliveries that failed together do not come back together.
func Backoff(attempt int) time.Duration {
	delay := maxDelay
	if shift := max(attempt, 1) - 1; shift < 9 {
		delay = min(firstDelay<<shift, maxDelay)
	}
	return delay*4/5 + rand.N(delay*2/5)
}

type worker struct {
	river.WorkerDefaults[delivery]
	*Deliveries
}

// NextRetry is River's question when to try again.
func (w *worker) NextRetry(j *river.Job[delivery]) time.Time {
	delay := w.RetryDelay
	if delay == nil {
		delay = Backoff
	}
	return time.Now().Add(delay(j.Attempt))
}

// Work makes one attempt. An integration or an event that is gone, and an integration that was switched off, need none.
func (w *worker) Work(ctx context.Context, j *river.Job[delivery]) error {
	row, err := q.AddonGet(ctx, w.Pool, j.Args.AddonID)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !row.Enabled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read integration: %w", err)
	}
	m, err := w.message(ctx, j.Args, row)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	provider, known := providerNamed(row.Provider)
	if !known {
		return river.JobCancel(fmt.Errorf("no provider %q", row.Provider))
	}
	a := w.attempt(ctx, provider, m)
	w.record(ctx, j, a)
	var never permanent
	switch {
	case a.err == nil:
		return nil
	case errors.As(a.err, &never):
		return river.JobCancel(a.err)
	}
	return a.err
}

// message gathers what there is to tell.
func (w *worker) message(ctx context.Context, d delivery, row queries.Addon) (message, error) {
	m := message{id: fmt.Sprintf("event_%d_%d", d.EventID, d.AddonID), sentAt: time.Now(), slackURL: w.SlackURL}
	if m.slackURL == "" {
		m.slackURL = SlackURL
	}
	var err error
	if m.event, err = q.EventGet(ctx, w.Pool, d.EventID); err != nil {
		return m, fmt.Errorf("read event: %w", err)
	}
	if m.parameters, err = parametersOf(row); err != nil {
		return m, err
	}
	if m.event.Feature != nil {
		if m.tags, err = q.FeatureTagList(ctx, w.Pool, *m.event.Feature); err != nil {
			return m, fmt.Errorf("read tags: %w", err)
		}
	}
	return m, nil
}

// attempt is what became of sending a message. err is nil when it need not be sent again.
type attempt struct {
	err      error
	sent     int // requests
	accepted int
	warning  string // why not all of them were accepted, when that is final
	request  outbound.Request
	response outbound.Response
	duration time.Duration
}

// attempt sends what the provider composes. What one receiver refused for good does not keep the others from being told; what
// may succeed later makes the whole message come again.
func (w *worker) attempt(ctx context.Context, provider Provider, m message) (a attempt) {
	start := time.Now()
	defer func() { a.duration = time.Since(start) }()
	requests, err := provider.compose(m)
	if err != nil {
		a.err = permanent{fmt.Errorf("compose message: %w", err)}
		return a
	}
	if len(requests) == 0 {
		a.warning = "there is nowhere to send it to: no channel is configured, and the flag has no tag that names one"
		return a
	}
	var final, passing error
	for _, request := range requests {
		a.sent++
		a.request = request
		a.response, err = w.Client.Send(ctx, request)
		if err == nil {
			err = verdict(provider, a.response)
		}
		var never permanent
		switch {
		case err == nil:
			a.accepted++
		case errors.As(err, &never) || errors.Is(err, outbound.ErrPrivate):
			final = permanent{err}
		default:
			passing = err
		}
	}
	switch {
	case passing != nil:
		a.err = passing
	case final != nil && a.accepted == 0:
		a.err = final
	case final != nil:
		a.warning = final.Error()
	}
	return a
}

func verdict(provider Provider, r outbound.Response) error {
	if !r.OK() {
		return fmt.Errorf("the receiver answered with status %d", r.Status)
	}
	if provider.refused != nil {
		return provider.refused(r)
	}
	return nil
}

// details are what the delivery log holds of an attempt.
type details struct {
	URL        string `json:"url"` // scheme and host: the rest may be a secret
	Attempt    int    `json:"attempt"`
	DurationMs int64  `json:"durationMs"`
	Status     int    `json:"status,omitempty"`
	Body       string `json:"body"`
	Response   string `json:"response,omitempty"`
}

// record writes the attempt into the delivery log. That it fails is no reason to deliver again.
func (w *worker) record(ctx context.Context, j *river.Job[delivery], a attempt) {
	state, text := "success", fmt.Sprintf("Delivered with status %d.", a.response.Status)
	var never permanent
	switch {
	case errors.As(a.err, &never):
		state, text = "failed", fmt.Sprintf("Given up: %v.", a.err)
	case a.err != nil && j.Attempt >= j.MaxAttempts:
		state, text = "failed", fmt.Sprintf("Given up after %d attempts: %v.", j.Attempt, a.err)
	case a.err != nil:
		state, text = "failed", fmt.Sprintf("Attempt %d failed and will be repeated: %v.", j.Attempt, a.err)
	case a.sent == 0:
		state, text = "failed", "Nothing was sent: "+a.warning+"."
	case a.warning != "":
		state, text = "successWithErrors", fmt.Sprintf("%d of %d messages delivered: %s.", a.accepted, a.sent, a.warning)
	}
	document, err := json.Marshal(details{
		URL: originOf(a.request.URL), Attempt: j.Attempt, DurationMs: a.duration.Milliseconds(), Status: a.response.Status,
		Body: excerpt(a.request.Body), Response: excerpt(a.response.Body),
	})
	if err == nil {
		// The attempt may have used up the job's time, or the server may be stopping.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = q.IntegrationEventAdd(ctx, w.Pool, queries.IntegrationEventAddParams{
			EventID: j.Args.EventID, AddonID: j.Args.AddonID, State: state, StateDetails: text, Details: document,
		})
	}
	if err != nil {
		w.Logger.Warn("an attempt is missing in the delivery log", "component", "addon", "integration", j.Args.AddonID, "err", err)
	}
}

func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// excerpt is the beginning of a body as text that PostgreSQL can store.
func excerpt(body []byte) string {
	if len(body) > loggedBody {
		return clean(string(body[:loggedBody])) + "…"
	}
	return clean(string(body))
}

func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
