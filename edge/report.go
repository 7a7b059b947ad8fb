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

// report is one request of a Forwarder, and what it delivers.
type report struct {
	token       UpstreamToken
	environment string
	path        string
	body        []byte
	batch       usage.Batch
}

// reports puts a batch into requests of bounded size. What belongs to an environment without a token goes with the first.
func (f *Forwarder) reports(batch usage.Batch) []report {
	var all []report
	tokens := f.Upstream.tokens()
	if len(tokens) == 0 {
		f.Buffer.Return(batch)
		return nil
	}
	groups := map[string]*usage.Batch{}
	group := func(environment string) *usage.Batch {
		if groups[environment] == nil {
			part := newBatch()
			groups[environment] = &part
		}
		return groups[environment]
	}
	for key, count := range batch.Counts {
		group(key.Environment).Counts[key] = count
	}
	for key, instance := range batch.Instances {
		group(key.Environment).Instances[key] = instance
	}
	for series, m := range batch.Impact {
		group(series.Environment).Impact[series] = m
	}
	for environment, part := range groups {
		t := tokens[0]
		if i := slices.IndexFunc(tokens, func(t UpstreamToken) bool { return t.environment() == environment }); i >= 0 {
			t = tokens[i]
		}
		if f.Form == Bulk {
			all = append(all, bulkReports(t, environment, part)...)
			continue
		}
		all = append(all, f.applicationReports(t, environment, part)...)
		all = append(all, f.impactReports(t, environment, part)...)
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
func (f *Forwarder) applicationReports(t UpstreamToken, environment string, batch *usage.Batch) []report {
	type bucket struct {
		app  string
		hour time.Time
	}
	keys := slices.SortedFunc(maps.Keys(batch.Counts), func(a, b usage.Key) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.App, b.App), cmp.Compare(a.Feature, b.Feature))
	})
	var all []report
	var at bucket
	var size int
	var toggles map[string]countSchema
	var part usage.Batch
	end := func() {
		if len(toggles) == 0 {
			return
		}
		all = append(all, report{
			token: t, environment: environment, path: "/client/metrics", batch: part,
			body: encoded(f.metrics(at.app, at.hour, toggles)),
		})
	}
	for _, key := range keys {
		count := countSchema(batch.Counts[key])
		cost := len(key.Feature) + len(encoded(count)) + 8
		if next := (bucket{key.App, key.Hour}); toggles == nil || next != at || size+cost > maxReport {
			end()
			at, size, toggles = next, 1024, map[string]countSchema{}
			part = usage.Batch{Counts: map[usage.Key]usage.Count{}}
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
	AppName         string     `json:"appName"`
	Environment     string     `json:"environment"`
	InstanceID      string     `json:"instanceId"`
	ConnectionID    string     `json:"connectionId,omitempty"`
	SDKVersion      string     `json:"sdkVersion,omitempty"`
	SDKType         string     `json:"sdkType,omitempty"`
	PlatformName    string     `json:"platformName,omitempty"`
	PlatformVersion string     `json:"platformVersion,omitempty"`
	SpecVersion     string     `json:"specVersion,omitempty"`
	Strategies      []string   `json:"strategies"`
	Started         *time.Time `json:"started,omitempty"`
	Interval        int        `json:"interval"`
}

// bulkCountSchema is a count in the body of POST /client/metrics/bulk.
type bulkCountSchema struct {
	FeatureName string           `json:"featureName"`
	AppName     string           `json:"appName"`
	Environment string           `json:"environment"`
	Timestamp   time.Time        `json:"timestamp"`
	Yes         int64            `json:"yes"`
	No          int64            `json:"no"`
	Variants    map[string]int64 `json:"variants"`
}

type bulkSchema struct {
	Applications []json.RawMessage `json:"applications"`
	Metrics      []json.RawMessage `json:"metrics"`
	Impact       []json.RawMessage `json:"impactMetrics,omitempty"`
}

// bulkReports fills one request after the other: applications, counts, impact metrics.
func bulkReports(t UpstreamToken, environment string, batch *usage.Batch) []report {
	var all []report
	body := bulkSchema{Applications: []json.RawMessage{}, Metrics: []json.RawMessage{}}
	part := newBatch()
	size := 64
	end := func() {
		if part.Empty() {
			return
		}
		all = append(all, report{token: t, environment: environment, path: "/client/metrics/bulk", body: encoded(body), batch: part})
		body = bulkSchema{Applications: []json.RawMessage{}, Metrics: []json.RawMessage{}}
		part = newBatch()
		size = 64
	}
	fit := func(item []byte) json.RawMessage {
		if size+len(item)+1 > maxReport {
			end()
		}
		size += len(item) + 1
		return item
	}
	for key, instance := range batch.Instances {
		item := fit(encoded(applicationOf(instance)))
		body.Applications = append(body.Applications, item)
		part.Instances[key] = instance
	}
	for key, count := range batch.Counts {
		item := fit(encoded(bulkCountSchema{
			FeatureName: key.Feature, AppName: key.App, Environment: key.Environment, Timestamp: key.Hour.UTC(),
			Yes: count.Yes, No: count.No, Variants: count.Variants,
		}))
		body.Metrics = append(body.Metrics, item)
		part.Counts[key] = count
	}
	for series, m := range batch.Impact {
		item := fit(encoded(impactOf(series, m)))
		body.Impact = append(body.Impact, item)
		part.Impact[series] = m
	}
	end()
	return all
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
	if !i.Started.IsZero() {
		started := i.Started.UTC()
		a.Started = &started
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
