package edge

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// savedRows is how many revisions of the change log a backup holds at most.
const savedRows = 10_000

// savedScope is what one upstream token has brought: of the flags in the backup, those that it sees.
type savedScope struct {
	Hash        string   `json:"hash"` // SHA-256 of the secret, base64
	Environment string   `json:"environment"`
	Projects    []string `json:"projects"`
	Held        bool     `json:"held,omitempty"`     // it stands at the link's cursor
	StreamID    string   `json:"streamId,omitempty"` // it stands at this message of its own stream
}

func (s *savedScope) scope() token.Scope { return token.NewScope(s.Environment, s.Projects...) }

// savedRow is a row of the change log and what it concerned: [revision, "mark", "kind", "entity", "project", "environment"].
type savedRow replica.Row

// MarshalJSON implements json.Marshaler.
func (r savedRow) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{r.Revision, strconv.FormatUint(uint64(r.Mark), 16), r.Kind, r.Entity, r.Project, r.Environment})
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *savedRow) UnmarshalJSON(data []byte) error {
	var mark string
	parts := []any{&r.Revision, &mark, &r.Kind, &r.Entity, &r.Project, &r.Environment}
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("row of the change log: %w", err)
	}
	n, err := strconv.ParseUint(mark, 16, 32)
	if err != nil {
		return fmt.Errorf("row of the change log: %w", err)
	}
	r.Mark = uint32(n)
	return nil
}

// positions puts in where the feeds stand. Call it before the flags are put in: what they hold may be newer than their
// position, and must not be older.
func (b *backup) positions(upstream *Upstream) {
	cursor, held := upstream.link.position()
	for _, f := range upstream.current() {
		if f.left.Load() || !f.isLoaded() {
			continue
		}
		sum, scope := token.Hash(f.token.Secret), f.token.scope()
		b.Scopes = append(b.Scopes, savedScope{
			Hash: base64.StdEncoding.EncodeToString(sum[:]), Environment: scope.Environment, Projects: scope.Projects(),
			Held: held[f], StreamID: f.lastID.get(),
		})
		if held[f] {
			b.Cursor = cursor
		}
	}
}

// flags puts in what a view holds of the environments that feeds bring, and its log.
func (b *backup) flags(view *replica.View, upstream *Upstream) {
	for _, scope := range b.Scopes {
		state := view.State(scope.Environment)
		if _, loaded := upstream.Brings(scope.Environment); !loaded || state == nil {
			continue
		}
		all := replica.Query{Scope: token.NewScope(scope.Environment, token.All)}
		b.Environments[scope.Environment] = state.Features(replica.FeaturesQuery{Query: all}).Plain()
	}
	for _, row := range view.Log(savedRows) {
		b.Log = append(b.Log, savedRow(row))
	}
}

// position is where an earlier run has ended.
type position struct {
	savedAt  time.Time
	cursor   string // of the link
	scopes   map[hash]savedScope
	snapshot replica.Snapshot // what clients of that run may hold a cursor of; without environments: nothing
}

// position is where the run has ended that kept the backup. Startup says which tokens are asked with from the start; with
// dynamic set others may follow. Environments that others have brought in part are left out: it is not known who follows.
func (b *backup) position(startup func(hash) bool, dynamic bool) (*position, error) {
	p := &position{savedAt: b.SavedAt, cursor: b.Cursor, scopes: map[hash]savedScope{}}
	brought, sure := map[string]int{}, map[string]int{} // scopes by environment
	for _, saved := range b.Scopes {
		raw, err := base64.StdEncoding.DecodeString(saved.Hash)
		if err != nil || len(raw) != len(hash{}) {
			return nil, fmt.Errorf("read backup: %w: the hash of a token", errBrokenBackup)
		}
		p.scopes[hash(raw)] = saved
		brought[saved.Environment]++
		if startup(hash(raw)) {
			sure[saved.Environment]++
		}
	}
	segments := map[int]bool{}
	for environment, scopes := range brought {
		body := b.Environments[environment]
		if len(b.Log) == 0 || body == nil || sure[environment] < scopes && (!dynamic || scopes > 1) {
			continue
		}
		if err := p.add(environment, body, segments); err != nil {
			return nil, err
		}
	}
	for _, row := range b.Log {
		p.snapshot.Log = append(p.snapshot.Log, replica.Row(row))
	}
	return p, nil
}

func (p *position) add(environment string, body []byte, segments map[int]bool) error {
	d, err := parseDocument(body)
	if err != nil || d.Features == nil {
		return fmt.Errorf("read backup: %w: flags of %s", errBrokenBackup, environment)
	}
	features := make([]replica.Feature, 0, len(*d.Features))
	for _, raw := range *d.Features {
		feature, err := parseFeature(raw)
		if err != nil {
			return fmt.Errorf("read backup: %w: %w", errBrokenBackup, err)
		}
		features = append(features, replica.Feature{Feature: feature})
	}
	for _, raw := range d.Segments {
		segment, err := parseSegment(raw)
		if err != nil {
			return fmt.Errorf("read backup: %w: %w", errBrokenBackup, err)
		}
		if !segments[segment.ID] {
			segments[segment.ID] = true
			p.snapshot.Segments = append(p.snapshot.Segments, segment)
		}
	}
	if p.snapshot.Environments == nil {
		p.snapshot.Environments = map[string][]replica.Feature{}
	}
	p.snapshot.Environments[environment] = features
	return nil
}

// resume has the Upstream go on where an earlier run has ended. Call it before Run, and before tokens are added.
func (u *Upstream) resume(p *position) {
	u.earlier = p
	u.link.begin(p.cursor)
}

// resume takes over what clients of an earlier run may hold a cursor of.
func (m *merger) resume(p *position) {
	if p == nil || len(p.snapshot.Environments) == 0 {
		return
	}
	m.started = true
	newest := p.snapshot.Log[len(p.snapshot.Log)-1]
	m.head = replica.Cursor{Revision: newest.Revision, Mark: newest.Mark}
	m.adopted, m.resumed = newest.Revision, newest.Revision
	m.kept = map[string]bool{}
	for environment := range p.snapshot.Environments {
		m.environments[environment], m.kept[environment] = true, true
	}
	m.sink.Reset(p.snapshot)
}

// earlierPosition is where the feed stood in an earlier run whose flags it restores.
func (f *feed) earlierPosition() (saved savedScope, found bool) {
	if f.up.earlier == nil || f.earlier == nil {
		return savedScope{}, false
	}
	saved, found = f.up.earlier.scopes[token.Hash(f.token.Secret)]
	return saved, found && saved.scope().Key() == f.token.scope().Key()
}

// sharedText is a text that one goroutine writes and others read.
type sharedText struct{ text atomic.Pointer[string] }

func (s *sharedText) set(text string) { s.text.Store(&text) }

func (s *sharedText) get() string {
	if text := s.text.Load(); text != nil {
		return *text
	}
	return ""
}
