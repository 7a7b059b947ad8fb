package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pennonhq/pennon/eval"
)

// sdk is a streaming client that applies events as the Unleash SDKs do (streaming-edge protocol: hydration replaces,
// updates and removals are by name or id), and checks what a client can check.
type sdk struct {
	url   string // of the stream
	token string

	mu       sync.Mutex
	state    sdkState      // mu
	past     []sdkState    // mu; earlier states to go back to, as a client that restarts from a backup does
	problems []string      // mu
	events   int           // mu
	connects int           // mu
	resumes  int           // mu; connects that were answered with a delta
	changed  chan struct{} // signals that state changed; holds one
}

// sdkState is what a client holds: never changed in place.
type sdkState struct {
	id       string
	features map[string]eval.Feature
	segments map[int]eval.Segment
}

type deltaEvent struct {
	Type        string         `json:"type"`
	EventID     int64          `json:"eventId"`
	Feature     *eval.Feature  `json:"feature"`
	FeatureName string         `json:"featureName"`
	Segment     *eval.Segment  `json:"segment"`
	SegmentID   int            `json:"segmentId"`
	Features    []eval.Feature `json:"features"`
	Segments    []eval.Segment `json:"segments"`
}

func newSDK(server, token string) *sdk {
	return &sdk{url: server + "/api/client/streaming", token: token, changed: make(chan struct{}, 1)}
}

// run keeps a stream open until ctx is done, reconnecting with the last id.
func (c *sdk) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.connect(ctx); err != nil && ctx.Err() == nil {
			pause(ctx, 20*time.Millisecond)
		}
	}
}

// roam is run for a restless client: it drops its stream at random moments and comes back to any of the servers with its
// last id, with the id and state of an earlier moment, or with nothing.
func (c *sdk) roam(ctx context.Context, random *rand.Rand, servers ...string) {
	for ctx.Err() == nil {
		c.url = servers[random.IntN(len(servers))] + "/api/client/streaming"
		session, cancel := context.WithTimeout(ctx, time.Duration(50+random.IntN(400))*time.Millisecond)
		if err := c.connect(session); err != nil && session.Err() == nil {
			pause(ctx, 20*time.Millisecond)
		}
		cancel()
		c.mu.Lock()
		switch {
		case random.IntN(10) == 0:
			c.state = sdkState{}
		case random.IntN(3) == 0 && len(c.past) > 0:
			c.state = c.past[random.IntN(len(c.past))]
		}
		c.mu.Unlock()
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// connect opens one stream and reads it to its end.
func (c *sdk) connect(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", c.token)
	request.Header.Set("Unleash-Client-Spec", "5.2.0")
	c.mu.Lock()
	if c.state.id != "" {
		request.Header.Set("Last-Event-ID", c.state.id)
	}
	c.connects++
	c.mu.Unlock()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("stream answered %s: %s", response.Status, body)
	}
	var name, id, data string
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if line == "\n" && data != "" {
				if err := c.apply(name, id, data); err != nil {
					return err
				}
				name, id, data = "", "", ""
			}
		}
	}
}

func (c *sdk) apply(name, id, data string) error {
	var batch struct {
		Events []deltaEvent `json:"events"`
	}
	if err := json.Unmarshal([]byte(data), &batch); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := sdkState{id: c.state.id, features: maps.Clone(c.state.features), segments: maps.Clone(c.state.segments)}
	if id != "" {
		next.id = id
	}
	if name == "unleash-connected" && c.state.id != "" && (len(batch.Events) == 0 || batch.Events[0].Type != "hydration") {
		c.resumes++
	}
	for _, e := range batch.Events {
		c.events++
		c.applyOne(&next, e)
	}
	c.state = next
	if len(c.past) < 64 {
		c.past = append(c.past, next)
	} else {
		c.past[c.events%64] = next
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return nil
}

func (c *sdk) applyOne(next *sdkState, e deltaEvent) {
	if next.features == nil || e.Type == "hydration" {
		next.features, next.segments = map[string]eval.Feature{}, map[int]eval.Segment{}
	}
	switch e.Type {
	case "hydration":
		for _, segment := range e.Segments {
			next.segments[segment.ID] = segment
		}
		for _, feature := range e.Features {
			c.checkSegments(next, feature)
			next.features[feature.Name] = feature
		}
	case "feature-updated":
		c.checkSegments(next, *e.Feature)
		if before, known := next.features[e.Feature.Name]; known && version(before) > version(*e.Feature) {
			c.problem("%s went back from %d to %d", e.Feature.Name, version(before), version(*e.Feature))
		}
		next.features[e.Feature.Name] = *e.Feature
	case "feature-removed":
		delete(next.features, e.FeatureName)
	case "segment-updated":
		next.segments[e.Segment.ID] = *e.Segment
	case "segment-removed":
		delete(next.segments, e.SegmentID)
	default:
		c.problem("unknown event type %q", e.Type)
	}
}

// checkSegments notes a feature that came before a segment it needs.
func (c *sdk) checkSegments(next *sdkState, feature eval.Feature) {
	for _, strategy := range feature.Strategies {
		for _, id := range strategy.Segments {
			if _, known := next.segments[id]; !known {
				c.problem("%s came before its segment %d", feature.Name, id)
			}
		}
	}
}

func (c *sdk) problem(format string, args ...any) {
	if len(c.problems) < 20 {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// version reads the counter that the tests' writers keep in the description of a flag.
func version(feature eval.Feature) int {
	if feature.Description == nil {
		return 0
	}
	n, _ := strconv.Atoi(*feature.Description)
	return n
}

func (c *sdk) snapshot() sdkState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// await waits until the state satisfies done, or ctx ends.
func (c *sdk) await(ctx context.Context, done func(sdkState) bool) bool {
	for !done(c.snapshot()) {
		select {
		case <-ctx.Done():
			return false
		case <-c.changed:
		}
	}
	return true
}
