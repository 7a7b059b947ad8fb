package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// OfflineConfig is what the offline role needs to know: flags from a file instead of a server. BootstrapFile and a token are
// required.
type OfflineConfig struct {
	Surface

	BootstrapFile  string        // as GET /client/features answers, or {"flag": {"enabled": true, "variant": "name"}}
	ClientTokens   []string      // any text; all of them see all flags
	FrontendTokens []string      // likewise
	Reload         time.Duration // how often the file is looked at again; 0: never
}

// Offline is the role that serves flags from a file, for development and tests. Make it with NewOffline, run it once.
type Offline struct {
	config  OfflineConfig
	surface *surface
	merger  *merger
	content []byte // last taken in
}

// NewOffline checks the configuration, reads the file and listens. Nothing is served before Run.
func NewOffline(ctx context.Context, config OfflineConfig) (*Offline, error) {
	config.Surface = config.withDefaults()
	if len(config.ClientTokens)+len(config.FrontendTokens) == 0 {
		return nil, errors.New("an offline edge needs a token that SDKs may use")
	}
	tokens := newTokens(func(context.Context, []string) (map[string]*token.Token, error) { return nil, nil }, config.Logger)
	var environments []string
	add := func(kind token.Kind, secrets []string) {
		for _, secret := range secrets {
			environment := secret // whatever the token is, it has its flags
			if parts, ok := token.Parse(secret); ok {
				environment = parts.Environment
			}
			tokens.trust(secret, &token.Token{ID: tokenID(secret), Name: token.Redact(secret), Kind: kind, Scope: token.NewScope(environment, token.All)})
			environments = append(environments, environment)
		}
	}
	add(token.Client, config.ClientTokens)
	add(token.Frontend, config.FrontendTokens)
	o := &Offline{config: config}
	o.surface = newSurface(config.Surface, tokens, tokens, unreported{}, ticketSecret(append(slices.Clone(config.ClientTokens), config.FrontendTokens...)))
	o.surface.ready = func() error { return nil }
	o.surface.contact = time.Now
	if o.surface.measured != nil {
		o.surface.connectMetrics(nil, tokens.collect)
	}
	o.surface.tokenReport = func() any { return tokenReportSchema{Refreshes: []tokenRefreshSchema{}, Tokens: reportOf(tokens)} }
	o.merger = newMerger(o.surface.store, config.Logger.With("component", "offline"))
	slices.Sort(environments)
	for _, environment := range slices.Compact(environments) {
		o.merger.join(token.NewScope(environment, token.All))
	}
	if err := o.read(); err != nil {
		return nil, err
	}
	if err := o.surface.listen(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

// unreported takes what SDKs report, and tells nobody.
type unreported struct{}

// Count implements client.Usage.
func (unreported) Count(usage.Key, usage.Count) {}

// Seen implements client.Usage.
func (unreported) Seen(usage.Instance) {}

// read takes the file in, if it has changed.
func (o *Offline) read() error {
	content, err := os.ReadFile(o.config.BootstrapFile)
	if err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if bytes.Equal(content, o.content) {
		return nil
	}
	body, err := expanded(content)
	if err != nil {
		return err
	}
	for i := range o.merger.feeds {
		d, err := parseDocument(body)
		if err != nil {
			return err
		}
		if err := o.merger.merge(&batch{feed: i, document: d}); err != nil {
			return err
		}
	}
	o.content = content
	return nil
}

// expanded is the document that a short one stands for; others are returned as they are.
func expanded(content []byte) ([]byte, error) {
	var short map[string]json.RawMessage
	if err := json.Unmarshal(content, &short); err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	if list := bytes.TrimSpace(short["features"]); len(list) > 0 && list[0] == '[' {
		return content, nil
	}
	type variant struct {
		Name       string `json:"name"`
		Weight     int    `json:"weight"`
		WeightType string `json:"weightType"`
		Stickiness string `json:"stickiness"`
	}
	type strategy struct {
		Name       string            `json:"name"`
		Parameters map[string]string `json:"parameters"`
	}
	type feature struct {
		Name       string     `json:"name"`
		Type       string     `json:"type"`
		Project    string     `json:"project"`
		Enabled    bool       `json:"enabled"`
		Strategies []strategy `json:"strategies"`
		Variants   []variant  `json:"variants"`
	}
	features := []feature{}
	for name, raw := range short {
		var state struct {
			Enabled *bool   `json:"enabled"`
			Variant *string `json:"variant"`
		}
		if err := json.Unmarshal(raw, &state); err != nil || state.Enabled == nil {
			return nil, fmt.Errorf(`read flags: %q is neither a list of features nor {"enabled": true}`, name)
		}
		f := feature{
			Name: name, Type: "release", Project: "default", Enabled: *state.Enabled,
			Strategies: []strategy{{Name: "default", Parameters: map[string]string{}}}, Variants: []variant{},
		}
		if state.Variant != nil {
			f.Variants = []variant{{Name: *state.Variant, Weight: 1000, WeightType: "fix", Stickiness: "default"}}
		}
		features = append(features, f)
	}
	return encoded(map[string]any{"version": 2, "features": features}), nil
}

// Measure implements client.Usage.
func (unreported) Measure(usage.Series, usage.Measurement) {}

// URL is where the edge can be reached from this machine, with its base path.
func (o *Offline) URL() string { return o.surface.URL() }

// Run serves until ctx is done.
func (o *Offline) Run(ctx context.Context) error {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(lasting)
	group.Go(func() error { return o.surface.hub.Run(running) })
	group.Go(func() error { return o.reload(running) })
	o.surface.serve(group)
	select {
	case <-ctx.Done():
	case <-running.Done():
	}
	o.surface.close(context.WithoutCancel(ctx))
	stop()
	return group.Wait()
}

// reload looks at the file at every interval until ctx is done. A file that cannot be read changes nothing.
func (o *Offline) reload(ctx context.Context) error {
	if o.config.Reload <= 0 {
		return nil
	}
	ticker := time.NewTicker(o.config.Reload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := o.read(); err != nil {
			o.config.Logger.Error("the flags stay as they were", "component", "offline", "err", err)
		}
	}
}
