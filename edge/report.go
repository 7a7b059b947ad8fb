package edge

import (
	"cmp"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pennonhq/pennon/usage"
)

// take empties the buffer, by environment.
func (f *Forwarder) take() map[string]*usage.Batch {
	if f.Used != nil {
		f.Used(f.Buffer.Used)
	}
	batch := f.Buffer.Take()
	if batch.Dropped > 0 {
		f.log().Warn("more usage was reported than can be kept", "dropped", batch.Dropped)
	}
	parts := map[string]*usage.Batch{}
	part := func(environment string) *usage.Batch {
		if parts[environment] == nil {
			made := usage.NewBatch()
			parts[environment] = &made
		}
		return parts[environment]
	}
	for key, count := range batch.Counts {
		part(key.Environment).Counts[key] = count
	}
	for key, instance := range batch.Instances {
		part(key.Environment).Instances[key] = instance
	}
	for series, m := range batch.Impact {
		part(series.Environment).Impact[series] = m
	}
	for use := range batch.Tokens {
		part(use.Environment).Tokens[use] = struct{}{}
	}
	return parts
}

// cut puts a batch of one environment into reports of bounded size.
func (f *Forwarder) cut(environment string, batch *usage.Batch) []*report {
	if batch == nil {
		return nil
	}
	if f.limit == 0 {
		f.limit = maxReport
	}
	var all []*report
	if f.Form == Bulk {
		all = f.bulkReports(batch)
	} else {
		all = append(f.applicationReports(batch), f.impactReports(batch)...)
	}
	now := time.Now()
	for _, r := range all {
		r.environment, r.at = environment, now
	}
	return all
}

// countSchema is a count on the wire.
type countSchema struct {
	Yes      int64            `json:"yes"`
	No       int64            `json:"no"`
	Variants map[string]int64 `json:"variants,omitempty"`
}

// metricsSchema is the body of POST /client/metrics.
type metricsSchema struct {
	AppName         string       `json:"appName"`
	InstanceID      string       `json:"instanceId"`
	ConnectionID    string       `json:"connectionId"`
	Bucket          bucketSchema `json:"bucket"`
	SDKVersion      string       `json:"sdkVersion"`
	PlatformName    string       `json:"platformName"`
	PlatformVersion string       `json:"platformVersion"`
	SpecVersion     string       `json:"specVersion"`
	YggdrasilNone   *string      `json:"yggdrasilVersion"`
}

type bucketSchema struct {
	Start   time.Time              `json:"start"`
	Stop    time.Time              `json:"stop"`
	Toggles map[string]countSchema `json:"toggles"`
}

// applicationReports reports counts as the SDK of each application would. Instances are not passed on: behind a proxy they
// are browsers.
func (f *Forwarder) applicationReports(batch *usage.Batch) []*report {
	type bucket struct {
		app  string
		hour time.Time
	}
	keys := slices.SortedFunc(maps.Keys(batch.Counts), func(a, b usage.Key) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.App, b.App), cmp.Compare(a.Feature, b.Feature))
	})
	var all []*report
	var at bucket
	var size int
	var toggles map[string]countSchema
	var part usage.Batch
	end := func() {
		if len(toggles) == 0 {
			return
		}
		all = append(all, &report{path: "/client/metrics", batch: part, body: encoded(f.metrics(at.app, at.hour, toggles))})
	}
	for _, key := range keys {
		count := countSchema(batch.Counts[key])
		cost := len(key.Feature) + len(encoded(count)) + 8
		if next := (bucket{key.App, key.Hour}); toggles == nil || next != at || size+cost > f.limit {
			end()
			at, size, toggles = next, 1024, map[string]countSchema{}
			part = usage.NewBatch()
		}
		size += cost
		toggles[key.Feature] = count
		part.Counts[key] = batch.Counts[key]
	}
	end()
	return all
}

func (f *Forwarder) metrics(app string, hour time.Time, toggles map[string]countSchema) metricsSchema {
	stop := time.Now().UTC()
	if end := hour.Add(time.Hour); stop.After(end) || stop.Before(hour) {
		stop = end
	}
	config := &f.Upstream.config
	return metricsSchema{
		AppName: cmp.Or(app, config.AppName), InstanceID: config.InstanceID, ConnectionID: f.Upstream.connectionID,
		Bucket:     bucketSchema{Start: hour.UTC(), Stop: stop, Toggles: toggles},
		SDKVersion: "pennon:" + config.Version, PlatformName: platformName, PlatformVersion: platformVersion, SpecVersion: specVersion,
	}
}

// applicationSchema is an application in the body of POST /client/metrics/bulk.
type applicationSchema struct {
	AppName         string    `json:"appName"`
	Environment     string    `json:"environment"`
	InstanceID      string    `json:"instanceId"`
	ConnectionID    string    `json:"connectionId,omitempty"`
	SDKVersion      string    `json:"sdkVersion,omitempty"`
	SDKType         string    `json:"sdkType,omitempty"`
	PlatformName    string    `json:"platformName,omitempty"`
	PlatformVersion string    `json:"platformVersion,omitempty"`
	SpecVersion     string    `json:"specVersion,omitempty"`
	Strategies      []string  `json:"strategies"`
	Started         time.Time `json:"started"` // Unleash refuses a report without it
	Interval        int       `json:"interval"`
}

// bulkCountSchema is a count in the body of POST /client/metrics/bulk.
type bulkCountSchema struct {
	FeatureName string           `json:"featureName"`
	AppName     string           `json:"appName"`
	Environment string           `json:"environment"`
	Timestamp   time.Time        `json:"timestamp"`
	Yes         int64            `json:"yes"`
	No          int64            `json:"no"`
	Variants    map[string]int64 `json:"variants,omitempty"` // Unleash refuses null
}

type bulkSchema struct {
	Applications []json.RawMessage `json:"applications"`
	Metrics      []json.RawMessage `json:"metrics"`
	Impact       []json.RawMessage `json:"impactMetrics,omitempty"`
}

// costOfToken is about what a token takes in a report, in bytes: by its hash, or most secrets.
const costOfToken = 96

// bulkReports fills one request after the other: applications, counts, impact metrics, tokens.
func (f *Forwarder) bulkReports(batch *usage.Batch) []*report {
	var all []*report
	body := bulkSchema{Applications: []json.RawMessage{}, Metrics: []json.RawMessage{}}
	r := &report{path: "/client/metrics/bulk", batch: usage.NewBatch()}
	size := 64
	end := func() {
		if r.batch.Empty() {
			return
		}
		r.body = encoded(body)
		all = append(all, r)
		body = bulkSchema{Applications: []json.RawMessage{}, Metrics: []json.RawMessage{}}
		r = &report{path: r.path, batch: usage.NewBatch()}
		size = 64
	}
	fit := func(cost int) {
		if size+cost+1 > f.limit {
			end()
		}
		size += cost + 1
	}
	for key, instance := range batch.Instances {
		item := encoded(applicationOf(instance))
		fit(len(item))
		body.Applications = append(body.Applications, item)
		r.batch.Instances[key] = instance
	}
	for key, count := range batch.Counts {
		item := encoded(bulkCountSchema{
			FeatureName: key.Feature, AppName: key.App, Environment: key.Environment, Timestamp: key.Hour.UTC(),
			Yes: count.Yes, No: count.No, Variants: count.Variants,
		})
		fit(len(item))
		body.Metrics = append(body.Metrics, item)
		r.batch.Counts[key] = count
	}
	for series, m := range batch.Impact {
		item := encoded(impactOf(series, m))
		fit(len(item))
		body.Impact = append(body.Impact, item)
		r.batch.Impact[series] = m
	}
	for use := range batch.Tokens {
		fit(costOfToken)
		r.tokens = append(r.tokens, use.Hash)
		r.batch.Tokens[use] = struct{}{}
	}
	end()
	return all
}

// batchOf are the counts and applications of a bulk report that an earlier run has cut.
func batchOf(body []byte) usage.Batch {
	batch := usage.NewBatch()
	var read struct {
		Applications []applicationSchema `json:"applications"`
		Metrics      []bulkCountSchema   `json:"metrics"`
	}
	_ = json.Unmarshal(body, &read) // who sends it does not need to understand it
	for _, a := range read.Applications {
		key := usage.InstanceKey{App: a.AppName, Environment: a.Environment, ID: a.InstanceID}
		batch.Instances[key] = usage.Instance{
			InstanceKey: key, ConnectionID: a.ConnectionID, SDKVersion: a.SDKVersion, SDKType: a.SDKType, PlatformName: a.PlatformName,
			PlatformVersion: a.PlatformVersion, SpecVersion: a.SpecVersion, Strategies: a.Strategies,
		}
	}
	for _, m := range read.Metrics {
		key := usage.Key{Feature: m.FeatureName, App: m.AppName, Environment: m.Environment, Hour: m.Timestamp}
		batch.Counts[key] = usage.Count{Yes: m.Yes, No: m.No, Variants: m.Variants}
	}
	return batch
}

func applicationOf(i usage.Instance) applicationSchema {
	a := applicationSchema{
		AppName: i.App, Environment: i.Environment, InstanceID: i.ID, ConnectionID: i.ConnectionID, SDKVersion: i.SDKVersion,
		SDKType: i.SDKType, PlatformName: i.PlatformName, PlatformVersion: i.PlatformVersion, SpecVersion: i.SpecVersion,
		Strategies: i.Strategies,
	}
	if a.Strategies == nil {
		a.Strategies = []string{}
	}
	a.Started = time.Unix(0, 0).UTC() // nobody has said
	if !i.Started.IsZero() {
		a.Started = i.Started.UTC()
	}
	return a
}

// encoded is the JSON of a value of this file's types, none of which can fail.
func encoded(value any) []byte {
	b, _ := json.Marshal(value)
	return b
}

// drawn is between 0 and limit.
func drawn(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
