//go:build unix

package fault

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// client is one SDK, or a browser, behind an edge. It looks at every answer: a flag that was there must not be missing, no
// counter may go back, an edge that runs must answer.
type client struct {
	name string
	node *process // that it asks
	http *http.Client

	linked bool // revisions are the server's, even after the edge was killed

	mu       sync.Mutex
	values   counters  // mu; as of the last answer
	restored counters  // mu; what an older copy of the database holds, once it may come back
	forked   counters  // mu; flags that have come back to that, or are beyond it
	problems []string  // mu
	answers  int       // mu
	contact  time.Time // mu; of the last answer
	may      bool      // mu; counters may go back until it is taken back: what is served is older for a good reason
}

func newClient(name string, node *process) *client {
	return &client{
		name: name + " behind " + node.name, node: node, forked: counters{},
		http: &http.Client{Transport: &http.Transport{}},
	}
}

// snapshot is what the client holds.
func (c *client) snapshot() counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

func (c *client) problem(format string, values ...any) {
	if len(c.problems) < 10 {
		c.problems = append(c.problems, time.Now().Format("05.000 ")+fmt.Sprintf(format, values...))
	}
}

// saw takes in everything that an answer says.
func (c *client) saw(now counters) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	c.contact = time.Now()
	for n := range flags {
		name := "flag-" + strconv.Itoa(n)
		value, there := now[name]
		if !there {
			c.problem("%s is missing: %d flags", name, len(now))
			continue
		}
		before, known := c.values[name]
		if c.restored != nil && c.forked[name] == 0 && (value == c.restored[name] || value >= history) {
			c.forked[name] = 1
		} else if known && value < before && !c.may {
			c.problem("%s went back from %d to %d", name, before, value)
		}
	}
	c.values = now
}

// stands looks at where a stream stands: revisions, which ids begin with, only grow within a history.
func (c *client) stands(before, now string) {
	revision := func(id string) int {
		number, _, _ := strings.Cut(id, "-")
		n, _ := strconv.Atoi(number)
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.linked && c.restored == nil && !c.may && revision(now) < revision(before) {
		c.problem("the revision went back from %s to %s", before, now)
	}
}

func (c *client) failed(format string, values ...any) {
	if c.node.down.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem(format, values...)
}

// poll asks for everything again and again, as SDKs that poll do, or as browsers do.
func (c *client) poll(ctx context.Context, path, secret string, read func([]byte) (counters, error)) {
	tick := time.NewTicker(3 * pollInterval)
	defer tick.Stop()
	tag := ""
	for {
		select {
		case <-ctx.Done():
			c.http.CloseIdleConnections()
			return
		case <-tick.C:
		}
		wasDown := c.node.down.Load()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.node.url()+path, nil)
		if err != nil {
			return
		}
		request.Header.Set("Authorization", secret)
		if tag != "" {
			request.Header.Set("If-None-Match", tag)
		}
		response, err := c.http.Do(request)
		if err != nil {
			if ctx.Err() == nil && !wasDown {
				c.failed("no answer: %v", err)
			}
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil: // it was killed while it answered
		case response.StatusCode == http.StatusNotModified:
			c.mu.Lock()
			c.contact = time.Now()
			c.mu.Unlock()
		case response.StatusCode != http.StatusOK:
			if !wasDown {
				c.failed("answered %s: %s", response.Status, body)
			}
		default:
			tag = response.Header.Get("ETag")
			if now, err := read(body); err != nil {
				c.failed("cannot be read: %v: %s", err, body)
			} else {
				c.saw(now)
			}
		}
	}
}

// stream follows /api/client/streaming as SDKs do, from the last id whenever it comes back.
func (c *client) stream(ctx context.Context) {
	state, id := map[string]feature{}, ""
	for ctx.Err() == nil {
		_ = c.follow(ctx, state, &id)
		timer := time.NewTimer(pollInterval)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	c.http.CloseIdleConnections()
}

// follow reads one stream to its end.
func (c *client) follow(ctx context.Context, state map[string]feature, id *string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.node.url()+"/api/client/streaming", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", clientToken)
	if *id != "" {
		request.Header.Set("Last-Event-ID", *id)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", response.Status)
	}
	lines := bufio.NewReader(response.Body)
	next := ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		switch field {
		case "id":
			next = strings.TrimPrefix(value, " ")
		case "data":
			if err := apply(state, value); err != nil {
				c.failed("an event cannot be read: %v", err)
				return err
			}
			if next != "" {
				c.stands(*id, next)
				*id = next
			}
			now := counters{}
			for name, f := range state {
				now[name] = f.counter()
			}
			c.saw(now)
		}
	}
}

// feature is what the clients read of a flag.
type feature struct {
	Name       string `json:"name"`
	Strategies []struct {
		Variants []variant `json:"variants"`
	} `json:"strategies"`
	Variant variant `json:"variant"` // of browsers
}

type variant struct {
	Payload struct {
		Value string `json:"value"`
	} `json:"payload"`
}

func (f feature) counter() int {
	value := f.Variant.Payload.Value
	if len(f.Strategies) > 0 && len(f.Strategies[0].Variants) > 0 {
		value = f.Strategies[0].Variants[0].Payload.Value
	}
	n, _ := strconv.Atoi(value)
	return n
}

// apply does what the events of a stream say.
func apply(state map[string]feature, data string) error {
	var batch struct {
		Events []struct {
			Type        string    `json:"type"`
			Feature     feature   `json:"feature"`
			Features    []feature `json:"features"`
			FeatureName string    `json:"featureName"`
		} `json:"events"`
	}
	if err := json.Unmarshal([]byte(data), &batch); err != nil {
		return err
	}
	for _, e := range batch.Events {
		switch e.Type {
		case "hydration":
			clear(state)
			for _, f := range e.Features {
				state[f.Name] = f
			}
		case "feature-updated":
			state[e.Feature.Name] = e.Feature
		case "feature-removed":
			delete(state, e.FeatureName)
		}
	}
	return nil
}

// features reads GET /api/client/features, toggles GET /api/frontend.
func features(body []byte) (counters, error) {
	var answer struct {
		Features []feature `json:"features"`
	}
	err := json.Unmarshal(body, &answer)
	return countersOf(answer.Features), err
}

func toggles(body []byte) (counters, error) {
	var answer struct {
		Toggles []feature `json:"toggles"`
	}
	err := json.Unmarshal(body, &answer)
	return countersOf(answer.Toggles), err
}

func countersOf(all []feature) counters {
	now := counters{}
	for _, f := range all {
		now[f.Name] = f.counter()
	}
	return now
}
