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
	Measure(series usage.Series, measured usage.Measurement)
}

// defaultInstance is the instance id of SDKs that send none, as Unleash has it.
const defaultInstance = "default"

// Reports serves what SDKs and edges report. The environment is always the token's, never the body's.
type Reports struct {
	usage  Usage
	answer func(http.ResponseWriter)                   // to a report that is taken
	once   Once                                        // takes reports that have a name; nil: as others
	seen   func(environment string, hashes [][32]byte) // told which tokens an edge has seen in use
	now    func() time.Time
}

// NewReports makes handlers that put what is reported into usage and then call answer.
func NewReports(usage Usage, answer func(http.ResponseWriter)) *Reports {
	return &Reports{usage: usage, answer: answer, seen: func(string, [][32]byte) {}, now: time.Now}
}

// Register answers POST /api/client/register: an SDK says that it is there and what it can do.
func (s *Reports) Register(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	instance := s.instance(b, b.root, "/body", r)
	instance.Started = b.instant(b.root, "/body", "started", true)
	if interval, present := b.root["interval"]; !present {
		b.missing("/body/interval")
	} else if number, ok := asNumber(interval); interval != nil && !ok {
		b.problem("/body/interval", "must be number. You sent %s.", shown(interval))
	} else if number < 0 {
		b.problem("/body/interval", "must be >= 0. You sent %s.", shown(interval))
	}
	instance.Strategies = b.strategies(b.root, "/body", true)
	s.accept(w, r, b, func(into Usage) { into.Seen(instance) })
}

// Metrics answers POST /api/client/metrics: counts and impact metrics since the SDK's last report. A body without a bucket
// is an SDK's sign of life.
func (s *Reports) Metrics(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	instance := s.instance(b, b.root, "/body", r)
	var counts []counted
	if bucket := b.object(b.root, "/body", "bucket", false); bucket != nil {
		start := b.instant(bucket, "/body/bucket", "start", true)
		b.instant(bucket, "/body/bucket", "stop", true)
		for name, value := range b.object(bucket, "/body/bucket", "toggles", true) {
			if name == "" {
				continue
			}
			path := "/body/bucket/toggles/" + name
			key := usage.Key{Feature: Clean(name), App: instance.App, Environment: instance.Environment, Hour: s.hour(start)}
			counts = append(counts, counted{key, b.counts(b.asObject(value, path, true), path)})
		}
	}
	measured := impact(b.root, instance.App, instance.Environment)
	s.accept(w, r, b, func(into Usage) {
		into.Seen(instance)
		count(into, counts)
		measure(into, measured)
	})
}

// Bulk answers POST /api/client/metrics/bulk: an edge's merged reports. Applications and counts of other environments than
// the token's are left out: a token neither sees those nor speaks for them. Impact metrics say themselves whose they are.
func (s *Reports) Bulk(w http.ResponseWriter, r *http.Request) {
	b, ok := readBody(w, r)
	if !ok {
		return
	}
	environment := api.TokenFrom(r.Context()).Scope.Environment
	var instances []usage.Instance
	for i, value := range b.list(b.root, "/body", "applications", true) {
		path := fmt.Sprintf("/body/applications/%d", i)
		application := b.asObject(value, path, true)
		if application == nil || unnamed(application, "appName") {
			continue
		}
		stated := b.text(application, path, "environment", false)
		instance := s.instance(b, application, path, r)
		instance.ClientIP = "" // the edge's, not the application's
		instance.Started = b.instant(application, path, "started", false)
		instance.Strategies = b.strategies(application, path, false)
		switch kind := b.text(application, path, "sdkType", false); kind {
		case "frontend", "backend":
			instance.SDKType = kind
		}
		if stated == "" || stated == environment {
			instances = append(instances, instance)
		}
	}
	var counts []counted
	for i, value := range b.list(b.root, "/body", "metrics", true) {
		path := fmt.Sprintf("/body/metrics/%d", i)
		metric := b.asObject(value, path, true)
		if metric == nil || unnamed(metric, "featureName", "appName", "environment") {
			continue
		}
		key := usage.Key{
			Feature:     b.text(metric, path, "featureName", true),
			App:         b.text(metric, path, "appName", true),
			Environment: b.text(metric, path, "environment", true),
			Hour:        s.hour(b.instant(metric, path, "timestamp", false)),
		}
		if count := b.counts(metric, path); key.Environment == environment {
			counts = append(counts, counted{key, count})
		}
	}
	measured := impact(b.root, "", environment)
	tokens := seenTokens(b.root)
	s.accept(w, r, b, func(into Usage) {
		for _, instance := range instances {
			into.Seen(instance)
		}
		count(into, counts)
		measure(into, measured)
		s.seen(environment, tokens)
	})
}

// unnamed reports whether one of the names is there and empty. Edges may send such entries; they say nothing.
func unnamed(object map[string]any, names ...string) bool {
	for _, name := range names {
		if object[name] == "" {
			return true
		}
	}
	return false
}

// counted are the counts of one flag in a report.
type counted struct {
	key   usage.Key
	count usage.Count
}

func count(into Usage, counts []counted) {
	for _, c := range counts {
		into.Count(c.key, c.count)
	}
}

// accept records and answers, or answers 400 and records nothing.
func (s *Reports) accept(w http.ResponseWriter, r *http.Request, b *body, record func(Usage)) {
	if b.refused(w, r) {
		return
	}
	s.take(w, r, record)
}

// instance reads what registration and metrics have in common.
func (s *Reports) instance(b *body, object map[string]any, path string, r *http.Request) usage.Instance {
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
		instance.ConnectionID = Clean(r.Header.Get("Unleash-Connection-Id"))
	}
	if instance.SDKVersion == "" {
		instance.SDKVersion = Clean(r.Header.Get("Unleash-Sdk"))
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
		count.Variants[Clean(name)] += b.count(value, path+"/variants/"+name)
	}
	return count
}

// hour guards against broken clocks: counts from the future, or from before what is kept, are booked now.
func (s *Reports) hour(at time.Time) time.Time {
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
