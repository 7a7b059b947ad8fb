package client

import (
	"fmt"
	"net/http"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// Usage takes what SDKs report. *usage.Buffer is one. Implementations buffer: they neither block nor fail.
type Usage interface {
	Count(key usage.Key, count usage.Count)
	Seen(instance usage.Instance)
}

// defaultInstance is the instance id of SDKs that send none, as Unleash has it.
const defaultInstance = "default"

// reports serves what SDKs and edges report. The environment is always the token's, never the body's.
type reports struct {
	usage Usage
	now   func() time.Time
}

// register answers POST /api/client/register: an SDK says that it is there and what it can do.
func (s *reports) register(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	instance := s.instance(b, b.root, "/body", r)
	b.instant(b.root, "/body", "started", true)
	if b.root["interval"] == nil {
		b.missing("/body/interval")
	} else if _, ok := asNumber(b.root["interval"]); !ok {
		b.problem("/body/interval", "must be number. You sent %s.", shown(b.root["interval"]))
	}
	instance.Strategies = b.texts(b.root, "/body", "strategies", true)
	s.accept(w, r, b, func() { s.usage.Seen(instance) })
}

// metrics answers POST /api/client/metrics: counts since the SDK's last report. A body without a bucket is an SDK's sign
// of life.
func (s *reports) metrics(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	instance := s.instance(b, b.root, "/body", r)
	counts := map[usage.Key]usage.Count{}
	if bucket := b.object(b.root, "/body", "bucket", false); bucket != nil {
		start := b.instant(bucket, "/body/bucket", "start", true)
		b.instant(bucket, "/body/bucket", "stop", true)
		for name, value := range b.object(bucket, "/body/bucket", "toggles", true) {
			path := "/body/bucket/toggles/" + name
			toggle := b.asObject(value, path, true)
			counts[usage.Key{Feature: clean(name), App: instance.App, Environment: instance.Environment, Hour: s.hour(start)}] = b.counts(toggle, path)
		}
	}
	s.accept(w, r, b, func() {
		s.usage.Seen(instance)
		for key, count := range counts {
			s.usage.Count(key, count)
		}
	})
}

// bulk answers POST /api/client/metrics/bulk: an edge's merged reports. Counts of other environments than the token's are
// left out, as Unleash does.
func (s *reports) bulk(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	environment := api.TokenFrom(r.Context()).Scope.Environment
	var instances []usage.Instance
	for i, value := range b.list(b.root, "/body", "applications", true) {
		path := fmt.Sprintf("/body/applications/%d", i)
		application := b.asObject(value, path, true)
		if application == nil {
			continue
		}
		b.text(application, path, "environment", true)
		instance := s.instance(b, application, path, r)
		instance.ClientIP = "" // the edge's, not the application's
		instance.Started = b.instant(application, path, "started", false)
		instance.Strategies = b.texts(application, path, "strategies", false)
		if kind := b.text(application, path, "sdkType", false); kind != "" {
			instance.SDKType = kind
		}
		instances = append(instances, instance)
	}
	type row struct {
		key   usage.Key
		count usage.Count
	}
	var rows []row
	for i, value := range b.list(b.root, "/body", "metrics", true) {
		path := fmt.Sprintf("/body/metrics/%d", i)
		metric := b.asObject(value, path, true)
		if metric == nil {
			continue
		}
		key := usage.Key{
			Feature:     b.text(metric, path, "featureName", true),
			App:         b.text(metric, path, "appName", true),
			Environment: b.text(metric, path, "environment", true),
			Hour:        s.hour(b.instant(metric, path, "timestamp", false)),
		}
		if count := b.counts(metric, path); key.Environment == environment {
			rows = append(rows, row{key, count})
		}
	}
	s.accept(w, r, b, func() {
		for _, instance := range instances {
			s.usage.Seen(instance)
		}
		for _, row := range rows {
			s.usage.Count(row.key, row.count)
		}
	})
}

// accept answers 202 and records, or 400 and records nothing.
func (s *reports) accept(w http.ResponseWriter, r *http.Request, b *body, record func()) {
	if err := b.err(); err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	record()
	w.WriteHeader(http.StatusAccepted)
}

// instance reads what registration and metrics have in common.
func (s *reports) instance(b *body, object map[string]any, path string, r *http.Request) usage.Instance {
	t := api.TokenFrom(r.Context())
	instance := usage.Instance{
		InstanceKey: usage.InstanceKey{
			App:         b.text(object, path, "appName", true),
			Environment: t.Scope.Environment,
			ID:          b.text(object, path, "instanceId", false),
		},
		ConnectionID:    b.text(object, path, "connectionId", false),
		SDKVersion:      b.text(object, path, "sdkVersion", false),
		PlatformName:    b.text(object, path, "platformName", false),
		PlatformVersion: b.text(object, path, "platformVersion", false),
		SpecVersion:     b.text(object, path, "specVersion", false),
		SDKType:         sdkType(t.Kind),
		ClientIP:        api.ClientIP(r),
		SeenAt:          s.now(),
	}
	if instance.ID == "" {
		instance.ID = defaultInstance
	}
	if instance.ConnectionID == "" {
		instance.ConnectionID = clean(r.Header.Get("Unleash-Connection-Id"))
	}
	if instance.SDKVersion == "" {
		instance.SDKVersion = clean(r.Header.Get("Unleash-Sdk"))
	}
	return instance
}

// counts reads yes, no and variants of one flag.
func (b *body) counts(object map[string]any, path string) usage.Count {
	count := usage.Count{
		Yes: b.count(object["yes"], path+"/yes"),
		No:  b.count(object["no"], path+"/no"),
	}
	for name, value := range b.object(object, path, "variants", false) {
		if count.Variants == nil {
			count.Variants = map[string]int64{}
		}
		count.Variants[clean(name)] = b.count(value, path+"/variants/"+name)
	}
	return count
}

// hour guards against broken clocks: counts from the future, or from before what is kept, are booked now.
func (s *reports) hour(at time.Time) time.Time {
	const (
		ahead  = time.Hour
		behind = 7 * 24 * time.Hour
	)
	now := s.now()
	if at.IsZero() || at.After(now.Add(ahead)) || at.Before(now.Add(-behind)) {
		at = now
	}
	return usage.Hour(at)
}

func sdkType(kind token.Kind) string {
	if kind == token.Frontend {
		return "frontend"
	}
	return "backend"
}
