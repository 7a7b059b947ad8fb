package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/pennonhq/pennon/client"
)

// maxReconnect is the longest pause before a stream is opened again.
const maxReconnect = 10 * time.Second

// FlagWatch prints what SDKs are told.
type FlagWatch struct {
	Names       []string `arg:"" optional:"" name:"name" predictor:"flags" help:"Only these flags; all by default."`
	ClientToken string   `name:"client-token" env:"PENNON_CLIENT_TOKEN" placeholder:"TOKEN" help:"Backend token to read the stream with, when --token is an admin token."`
	Prefix      string   `name:"prefix" help:"Only flags whose names begin so."`
}

// watcher holds what the stream has said so far.
type watcher struct {
	session *Session
	wanted  map[string]bool // nil: all
	flags   map[string]client.ClientFeatureSchema
	cursor  string
	pause   time.Duration
}

// Run follows the stream until it is interrupted. A stream that breaks is opened again where it broke off.
func (c *FlagWatch) Run(ctx context.Context, s *Session) error {
	options := *s.connection
	if c.ClientToken != "" {
		options.Token = c.ClientToken
	}
	backend, err := options.session(s.Streams, true)
	if err != nil {
		return err
	}
	w := &watcher{session: backend}
	for _, name := range c.Names {
		if w.wanted == nil {
			w.wanted = map[string]bool{}
		}
		w.wanted[name] = true
	}
	for first := true; ; first = false {
		err := w.follow(ctx, c.Prefix)
		var refused *client.Error
		if interrupted := ctx.Err(); interrupted != nil {
			return interrupted
		}
		if first && w.cursor == "" || errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
			return err
		}
		w.pause = min(2*w.pause+100*time.Millisecond, maxReconnect)
		_, _ = fmt.Fprintf(s.Err, "the stream broke off (%v); trying again\n", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.pause/2 + rand.N(w.pause)/2):
		}
	}
}

// follow reads one stream to its end.
func (w *watcher) follow(ctx context.Context, prefix string) error {
	response, err := w.session.StreamFeatures(ctx, &client.StreamFeaturesParams{NamePrefix: given(prefix), LastEventID: given(w.cursor)})
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return readEvents(response.Body, func(id string, data []byte) error {
		var message struct {
			Events []client.ClientFeatureEventSchema `json:"events"`
		}
		if err := json.Unmarshal(data, &message); err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		for _, event := range message.Events {
			if err := w.apply(event); err != nil {
				return err
			}
		}
		w.cursor, w.pause = id, 0
		return nil
	})
}

// readEvents reads Server-Sent Events until the stream ends, which is an error.
func readEvents(stream io.Reader, each func(id string, data []byte) error) error {
	lines := bufio.NewReader(stream)
	var id string
	var data strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case strings.TrimRight(line, "\r\n") == "":
			if data.Len() > 0 {
				if err := each(id, []byte(data.String())); err != nil {
					return err
				}
			}
			data.Reset()
		case field == "id":
			id = value
		case field == "data":
			data.WriteString(value)
		}
	}
}

// apply takes one event over and prints what it changes.
func (w *watcher) apply(event client.ClientFeatureEventSchema) error {
	switch event.Type {
	case client.ClientFeatureEventSchemaTypeHydration:
		before := w.flags
		w.flags = map[string]client.ClientFeatureSchema{}
		for _, flag := range list(event.Features) {
			w.flags[flag.Name] = flag
		}
		if before == nil {
			return w.begin()
		}
		for _, flag := range list(event.Features) {
			if err := w.changed(before, flag.Name); err != nil {
				return err
			}
			delete(before, flag.Name)
		}
		for name := range before {
			if err := w.changed(before, name); err != nil {
				return err
			}
		}
	case client.ClientFeatureEventSchemaTypeFeatureUpdated:
		before := map[string]client.ClientFeatureSchema{}
		if known, ok := w.flags[event.Feature.Name]; ok {
			before[event.Feature.Name] = known
		}
		w.flags[event.Feature.Name] = *event.Feature
		return w.changed(before, event.Feature.Name)
	case client.ClientFeatureEventSchemaTypeFeatureRemoved:
		name := or(event.FeatureName, "")
		before := map[string]client.ClientFeatureSchema{name: w.flags[name]}
		delete(w.flags, name)
		return w.changed(before, name)
	}
	return nil // segments come before the flags that use them, and those are printed
}

// begin tells what the stream opened with, beside the output.
func (w *watcher) begin() error {
	on := 0
	for _, flag := range w.flags {
		if flag.Enabled {
			on++
		}
	}
	_, err := fmt.Fprintf(w.session.Err, "watching %s: %s, %d of them on\n", w.session.URL, count(len(w.flags), "flag"), on)
	return err
}

// Change is one line of `pennon flags watch --output json`.
type Change struct {
	At      time.Time                   `json:"at"`
	Name    string                      `json:"name"`
	Change  string                      `json:"change"` // created, on, off, changed or removed
	Feature *client.ClientFeatureSchema `json:"feature,omitempty"`
}

// changed prints how a flag is now, beside how it was.
func (w *watcher) changed(before map[string]client.ClientFeatureSchema, name string) error {
	if w.wanted != nil && !w.wanted[name] {
		return nil
	}
	was, existed := before[name]
	now, exists := w.flags[name]
	change := Change{At: time.Now(), Name: name}
	switch {
	case !exists:
		change.Change = "removed"
	case !existed:
		change.Change = "created"
	case was.Enabled != now.Enabled:
		change.Change = onOff(now.Enabled)
	default:
		change.Change = "changed"
	}
	if exists {
		change.Feature = &now
	}
	if w.session.json {
		return w.session.line(change)
	}
	return w.write(change)
}

func (w *watcher) write(change Change) error {
	state := "removed"
	if change.Feature != nil {
		state = onOff(change.Feature.Enabled)
		var strategies []string
		for _, strategy := range list(change.Feature.Strategies) {
			text := strategy.Name
			if strategy.Parameters != nil && (*strategy.Parameters)["rollout"] != "" {
				text += " " + (*strategy.Parameters)["rollout"] + "%"
			}
			strategies = append(strategies, text)
		}
		if state = fmt.Sprintf("%-3s  ", state) + strings.Join(strategies, ", "); change.Change == "created" {
			state = strings.TrimSpace(state) + "  (new)"
		}
	}
	_, err := fmt.Fprintf(w.session.Out, "%s  %-24s  %s\n", change.At.Format("15:04:05.000"), clean(change.Name), strings.TrimSpace(clean(state)))
	return err
}
