package ofrep

import (
	"encoding/json"
	"strconv"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/openfeature"
)

// Reasons, OpenFeature's. Default is given only with an answer that has no value.
const (
	reasonStatic    = "STATIC"          // the same for everybody
	reasonTargeting = "TARGETING_MATCH" // rules decided, for or against
	reasonSplit     = "SPLIT"           // shares decided
	reasonDisabled  = "DISABLED"        // switched off
	reasonDefault   = "DEFAULT"         // no rule gives a value
)

// shape is what one version of a flag can answer, encoded. It is immutable.
type shape struct {
	kind     openfeature.Kind
	off, on  fragment // on: without a variant
	variants map[*eval.Variant]fragment
}

// fragment is the JSON of an outcome, which must not be changed, and its hash.
type fragment struct {
	json   []byte
	hash   uint64
	failed bool // the flag has no value that can be read
}

// answer is the JSON of an outcome.
type answer struct {
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Variant  string          `json:"variant,omitempty"`
	Code     string          `json:"errorCode,omitempty"`
	Details  string          `json:"errorDetails,omitempty"`
	Metadata metadata        `json:"metadata"`
}

// metadata is what Unleash's SDKs would have told.
type metadata struct {
	Enabled        bool   `json:"enabled" doc:"The flag's own answer counts: it gave a variant, or has none and is on"`
	FeatureEnabled bool   `json:"feature_enabled" doc:"The flag is on for this context"`
	Project        string `json:"project"`
	ImpressionData bool   `json:"impressionData"`
	Type           string `json:"type" enum:"boolean,string,integer,number,object"`
}

func newShape(f *eval.Feature) *shape {
	s := &shape{kind: openfeature.KindOf(f), variants: map[*eval.Variant]fragment{}}
	s.off = s.encode(f, eval.Result{})
	s.on = s.encode(f, eval.Result{Enabled: true})
	for v := range openfeature.Variants(f) {
		s.variants[v] = s.encode(f, eval.Result{Enabled: true, Variant: v})
	}
	return s
}

// fragment is what the flag answers with a result.
func (s *shape) fragment(f *eval.Feature, r eval.Result) fragment {
	switch {
	case !r.Enabled:
		return s.off
	case r.Variant == nil:
		return s.on
	}
	if known, ok := s.variants[r.Variant]; ok {
		return known
	}
	return s.encode(f, r)
}

func (s *shape) encode(f *eval.Feature, r eval.Result) fragment {
	a := answer{
		Key: f.Name, Reason: reasonOf(f),
		Metadata: metadata{
			Enabled: r.Variant != nil, FeatureEnabled: r.Enabled,
			Project: f.Project, ImpressionData: f.ImpressionData, Type: s.kind.String(),
		},
	}
	switch {
	case r.Variant != nil:
		value, err := openfeature.Value(s.kind, r.Variant)
		if err != nil {
			a.Reason, a.Code, a.Details = "", codeParse, "Variant "+r.Variant.Name+": "+err.Error()+"."
			break
		}
		a.Value, a.Variant = value, r.Variant.Name
	case s.kind == openfeature.Boolean:
		a.Value = strconv.AppendBool(nil, r.Enabled)
		a.Metadata.Enabled = r.Enabled
	}
	if a.Value == nil && a.Code == "" && a.Reason != reasonDisabled {
		a.Reason = reasonDefault
	}
	encoded, err := json.Marshal(a)
	if err != nil { // a payload is checked before it becomes a value
		panic(err)
	}
	return fragment{encoded, xxhash.Sum64(encoded), a.Code != ""}
}

// reasonOf is why a flag answers what it answers, as far as that can be said without telling its rules.
func reasonOf(f *eval.Feature) string {
	if !f.Enabled {
		return reasonDisabled
	}
	reason := reasonStatic
	if splits(f.Variants) {
		reason = reasonSplit
	}
	if len(f.Dependencies) > 0 {
		return reasonTargeting
	}
	for i := range f.Strategies {
		s := &f.Strategies[i]
		if len(s.Constraints) > 0 || len(s.Segments) > 0 || targets(s.Name) {
			return reasonTargeting
		}
		if splits(s.Variants) || !everybody(s) {
			reason = reasonSplit
		}
	}
	return reason
}

// targets reports whether a type of strategy names whom it is for.
func targets(strategy string) bool {
	switch strategy {
	case "default", "flexibleRollout", "gradualRolloutUserId", "gradualRolloutSessionId", "gradualRolloutRandom":
		return false
	}
	return true
}

// everybody reports whether a strategy that names nobody is for all.
func everybody(s *eval.Strategy) bool {
	switch s.Name {
	case "default":
		return true
	case "flexibleRollout":
		return s.Parameters["rollout"] == "100"
	}
	return s.Parameters["percentage"] == "100"
}

func splits(variants []eval.Variant) bool {
	chosen := 0
	for i := range variants {
		if variants[i].Weight > 0 || len(variants[i].Overrides) > 0 {
			chosen++
		}
	}
	return chosen > 1
}

// shapesKept is how many shapes a generation may hold at least.
const shapesKept = 1 << 14

// shapes remembers the shape of each version of a flag. A snapshot shares the versions that did not change with the one
// before, so each is encoded once. What is not asked for any more is forgotten by generations.
type shapes struct {
	mu    sync.RWMutex
	young map[*eval.Feature]*shape
	old   map[*eval.Feature]*shape
	room  int // for the young generation
}

func newShapes() *shapes {
	return &shapes{young: map[*eval.Feature]*shape{}, room: shapesKept}
}

func (s *shapes) of(f *eval.Feature) *shape {
	s.mu.RLock()
	known := s.young[f]
	s.mu.RUnlock()
	if known != nil {
		return known
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known = s.young[f]; known != nil {
		return known
	}
	if known = s.old[f]; known == nil {
		known = newShape(f)
	}
	if len(s.young) >= s.room {
		s.old, s.young = s.young, make(map[*eval.Feature]*shape, len(s.young))
	}
	s.young[f] = known
	return known
}

// expect makes room for the flags of a snapshot, so that a walk over it never forgets what it has just used.
func (s *shapes) expect(flags int) {
	s.mu.RLock()
	enough := s.room >= 2*flags
	s.mu.RUnlock()
	if enough {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = max(s.room, 2*flags)
}
