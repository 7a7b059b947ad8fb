package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/singleflight"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/outbound"
)

const (
	// DefaultEnricherTimeout bounds a question to an enricher where its file says nothing else: a request waits for it.
	DefaultEnricherTimeout = time.Second

	// maxEnriched is how many answers an enricher's cache holds.
	maxEnriched = 10_000
)

// EnricherConfig is a service that knows more of a context.
type EnricherConfig struct {
	URL     string            `yaml:"url"`
	Timeout time.Duration     `yaml:"timeout"` // 0: DefaultEnricherTimeout
	Headers map[string]string `yaml:"headers"`
	Cache   time.Duration     `yaml:"cache"` // how long an answer holds; 0: not at all
}

// Enricher adds to contexts what a service answers: it is sent POST {"context":{…}} and answers {"properties":{…}}. It is
// safe for concurrent use. The same question is asked once at a time.
type Enricher struct {
	config EnricherConfig
	http   *outbound.Client
	flight singleflight.Group

	mu       sync.Mutex
	answered map[string]enriched // mu; by question
}

type enriched struct {
	properties map[string]string
	until      time.Time
}

// LoadEnrichers reads enrichers from a file: a list of EnricherConfig in YAML or JSON.
func LoadEnrichers(path string) ([]EnricherConfig, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read context enrichers: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var configs []EnricherConfig
	if err := decoder.Decode(&configs); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read context enrichers from %s: %w", path, err)
	}
	for i, c := range configs {
		if err := outbound.CheckURL(c.URL); err != nil {
			return nil, fmt.Errorf("context enricher %d: url: %w", i+1, err)
		}
		for name, value := range c.Headers {
			if err := outbound.CheckHeader(name, value); err != nil {
				return nil, fmt.Errorf("context enricher %d: header %s: %w", i+1, name, err)
			}
		}
		if c.Timeout < 0 || c.Cache < 0 {
			return nil, fmt.Errorf("context enricher %d: timeout and cache must not be negative", i+1)
		}
	}
	return configs, nil
}

// NewEnricher makes an enricher of a checked configuration. Close it in the end.
func NewEnricher(config EnricherConfig) *Enricher {
	if config.Timeout == 0 {
		config.Timeout = DefaultEnricherTimeout
	}
	return &Enricher{
		config: config, answered: map[string]enriched{},
		http: outbound.New(outbound.Config{AllowPrivate: true, Timeout: config.Timeout, UserAgent: "pennon"}),
	}
}

// Close lets the connections go.
func (e *Enricher) Close() { e.http.Close() }

// Enrich adds the answer's properties to the context. Those the service does not mention stay.
func (e *Enricher) Enrich(ctx context.Context, c *eval.Context) error {
	question := encoded(contextQuestion(c))
	key := string(question)
	properties, known := e.remembered(key)
	if !known {
		answer, err, _ := e.flight.Do(key, func() (any, error) {
			// Others wait for the same answer: it must not be lost with the request that happens to ask.
			return e.ask(context.WithoutCancel(ctx), key, question)
		})
		if err != nil {
			return fmt.Errorf("enrich context: %w", err)
		}
		properties = answer.(map[string]string)
	}
	if len(properties) == 0 {
		return nil
	}
	all := make(map[string]string, len(c.Properties)+len(properties))
	maps.Copy(all, c.Properties)
	maps.Copy(all, properties)
	c.Properties = all
	return nil
}

// contextQuestion is the context on the wire, as SDKs write it.
func contextQuestion(c *eval.Context) any {
	type contextSchema struct {
		UserID        string            `json:"userId,omitempty"`
		SessionID     string            `json:"sessionId,omitempty"`
		RemoteAddress string            `json:"remoteAddress,omitempty"`
		Environment   string            `json:"environment,omitempty"`
		AppName       string            `json:"appName,omitempty"`
		CurrentTime   *time.Time        `json:"currentTime,omitempty"`
		Properties    map[string]string `json:"properties,omitempty"`
	}
	shown := contextSchema{
		UserID: c.UserID, SessionID: c.SessionID, RemoteAddress: c.RemoteAddress, Environment: c.Environment,
		AppName: c.AppName, Properties: c.Properties,
	}
	if !c.CurrentTime.IsZero() {
		shown.CurrentTime = &c.CurrentTime
	}
	return struct {
		Context contextSchema `json:"context"`
	}{shown}
}

func (e *Enricher) ask(ctx context.Context, key string, question []byte) (map[string]string, error) {
	header := map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	maps.Copy(header, e.config.Headers)
	answer, err := e.http.Send(ctx, outbound.Request{Method: http.MethodPost, URL: e.config.URL, Header: header, Body: question})
	switch {
	case err != nil:
		return nil, err
	case !answer.OK():
		return nil, fmt.Errorf("the enricher answered %d", answer.Status)
	case answer.Truncated:
		return nil, fmt.Errorf("the enricher's answer is longer than %d bytes", outbound.MaxResponse)
	}
	var said struct {
		Properties json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return nil, fmt.Errorf("read the enricher's answer: %w", err)
	}
	var c eval.Context // whose properties are read as those of any context
	if len(said.Properties) > 0 {
		if err := json.Unmarshal(encoded(map[string]any{"properties": said.Properties}), &c); err != nil {
			return nil, fmt.Errorf("read the enricher's answer: %w", err)
		}
	}
	e.remember(key, c.Properties)
	return c.Properties, nil
}

func (e *Enricher) remembered(key string) (map[string]string, bool) {
	if e.config.Cache == 0 {
		return nil, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	answer, known := e.answered[key]
	return answer.properties, known && time.Now().Before(answer.until)
}

func (e *Enricher) remember(key string, properties map[string]string) {
	if e.config.Cache == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if len(e.answered) >= maxEnriched {
		maps.DeleteFunc(e.answered, func(_ string, answer enriched) bool { return !now.Before(answer.until) })
		if len(e.answered) >= maxEnriched {
			clear(e.answered)
		}
	}
	e.answered[key] = enriched{properties, now.Add(e.config.Cache)}
}
