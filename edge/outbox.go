package edge

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/usage"
)

// maxSaved bounds the reports that the backup keeps, in bytes.
const maxSaved = 4 << 20

// report is one request of a Forwarder, and what it delivers.
type report struct {
	id          usage.ReportID
	environment string
	path        string
	body        []byte      // a JSON object without seenTokens
	tokens      []hash      // seen in use
	batch       usage.Batch // what body says
	at          time.Time   // when it was cut
	earlier     bool        // an earlier run has cut it
}

// lane is what a Forwarder has of one environment.
type lane struct {
	environment string
	sender      usage.Sender
	number      int64     // of the report that was cut last
	queue       []*report // Forwarder.mu; of all, the first one alone may have been sent
	restsUntil  time.Time // the token was refused
	orphanedAt  time.Time // since when there is no token
}

// laneLocked returns the one of an environment. The caller holds mu.
func (f *Forwarder) laneLocked(environment string) *lane {
	l := f.lanes[environment]
	if l == nil {
		l = &lane{environment: environment, sender: usage.NewSender()}
		if f.lanes == nil {
			f.lanes = map[string]*lane{}
		}
		f.lanes[environment] = l
	}
	return l
}

// sorted are the lanes that have something to send, in a stable order.
func (f *Forwarder) sorted(parts map[string]*usage.Batch) []*lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	for environment := range parts {
		f.laneLocked(environment)
	}
	var all []*lane
	for _, l := range f.lanes {
		if parts[l.environment] != nil || len(l.queue) > 0 {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *lane) int { return strings.Compare(a.environment, b.environment) })
	return all
}

func (f *Forwarder) first(l *lane) *report {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[0]
}

// enqueue names a report and puts it at the end of the lane.
func (f *Forwarder) enqueue(l *lane, r *report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.number++
	r.id = usage.ReportID{Sender: l.sender, Number: l.number}
	l.queue = append(l.queue, r)
}

func (f *Forwarder) pop(l *lane) {
	f.mu.Lock()
	earlier := l.queue[0].earlier
	l.queue = l.queue[1:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	f.mu.Unlock()
	if earlier && f.Delivered != nil {
		f.Delivered()
	}
}

// giveUp drops a report for good.
func (f *Forwarder) giveUp(l *lane, r *report, why string) {
	f.pop(l)
	lost := f.stats.lose(dropRefused, r.batch)
	f.log().Error("a usage report is dropped", "reason", why, "environment", r.environment, "bytes", len(r.body), "evaluations", lost)
}

// orphaned deals with usage of an environment that no token is of: it is kept for a while, as a token may come (back).
func (f *Forwarder) orphaned(l *lane, part *usage.Batch) {
	now := time.Now()
	if l.orphanedAt.IsZero() {
		l.orphanedAt = now
	}
	for r := f.first(l); r != nil && now.Sub(r.at) > maxReportAge; r = f.first(l) {
		f.giveUp(l, r, "too old")
	}
	if part == nil || now.Sub(l.orphanedAt) < orphanFor {
		f.giveBack(part)
		return
	}
	lost := f.stats.lose(dropOrphaned, *part)
	f.log().Error("usage is dropped: no upstream token is of its environment", "environment", l.environment, "evaluations", lost)
}

func (f *Forwarder) giveBack(part *usage.Batch) {
	if part != nil {
		f.Buffer.Return(*part)
	}
}

// bodyOf is the body of a report as the upstream wants tokens to be named.
func (f *Forwarder) bodyOf(r *report) []byte {
	var seen []string
	for _, sum := range r.tokens {
		if f.named {
			seen = append(seen, client.SeenByHash(sum))
		} else if f.Secret != nil {
			if secret := f.Secret(sum); secret != "" {
				seen = append(seen, secret)
			}
		}
	}
	if len(seen) == 0 {
		return r.body
	}
	body := append(slices.Clone(r.body[:len(r.body)-1]), `,"seenTokens":`...)
	return append(append(body, encoded(seen)...), '}')
}

// savedReport is a report as the backup keeps it. Which tokens were seen is left out.
type savedReport struct {
	ID          string          `json:"id"`
	Environment string          `json:"environment"`
	Path        string          `json:"path"`
	At          time.Time       `json:"at"`
	Body        json.RawMessage `json:"body"`
}

// restore takes in reports of an earlier run. It comes before Run.
func (f *Forwarder) restore(reports []savedReport) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, saved := range reports {
		id, ok := usage.ParseReportID(saved.ID)
		if !ok || len(saved.Body) < 2 {
			continue
		}
		l := f.laneLocked(saved.Environment)
		l.queue = append(l.queue, &report{
			id: id, environment: saved.Environment, path: saved.Path, body: saved.Body, batch: batchOf(saved.Body), at: saved.At, earlier: true,
		})
	}
}

// saved are the reports of an earlier run that have not been delivered.
func (f *Forwarder) saved() []savedReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []savedReport
	for _, environment := range slices.Sorted(maps.Keys(f.lanes)) {
		for _, r := range f.lanes[environment].queue {
			if r.earlier {
				all = append(all, r.saved())
			}
		}
	}
	return all
}

// remaining is everything that could not be sent, as reports of so many bytes together at most. It comes after Run. What is
// too much is dropped.
func (f *Forwarder) remaining(limit int) []savedReport {
	parts := f.take()
	var all []savedReport
	size := 0
	for _, l := range f.sorted(parts) {
		for _, r := range f.cut(l.environment, parts[l.environment]) {
			f.enqueue(l, r)
		}
		for _, r := range l.queue {
			if size += len(r.body); size > limit {
				f.log().Error("usage is dropped: the backup keeps no more of it", "environment", l.environment,
					"evaluations", f.stats.lose(dropOverflow, r.batch))
				r.batch = usage.Batch{}
				continue
			}
			all = append(all, r.saved())
		}
	}
	return all
}

// abandon tells what is lost when nobody keeps what remaining has returned.
func (f *Forwarder) abandon() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lost uint64
	reports := 0
	for _, l := range f.lanes {
		for _, r := range l.queue {
			lost += f.stats.lose(dropOverflow, r.batch)
			reports++
		}
	}
	if reports > 0 {
		f.log().Error("usage is lost: the upstream does not take it, and nothing is kept for the next run", "reports", reports, "evaluations", lost)
	}
}

func (r *report) saved() savedReport {
	return savedReport{ID: r.id.String(), Environment: r.environment, Path: r.path, At: r.at.UTC(), Body: r.body}
}

// pending is everything that waits to be sent or for its answer, to be shown.
func (f *Forwarder) pending() usage.Batch {
	shown := usage.NewBuffer()
	f.mu.Lock()
	for _, l := range f.lanes {
		for _, r := range l.queue {
			shown.Add(r.batch)
		}
	}
	f.mu.Unlock()
	shown.Add(f.Buffer.Peek())
	return shown.Take()
}
