// Package eval decides whether a feature flag is on for a context, and which variant it gives.
//
// It holds the wire model of the Unleash client API (this file), a compiler that turns it into an immutable Snapshot, and
// the evaluation itself, which follows the Unleash client specification and allocates nothing. It does no I/O and no
// HTTP, starts no goroutine, and reads the clock, chance and the host name only where a Context leaves them open. Every
// package may import it; it imports only the standard library.
//
// Where SDKs disagree, the answer is that of the Node SDK, with two exceptions: text beyond ASCII is hashed as UTF-8, and
// a disabled strategy that reaches the engine is skipped.
package eval

// Feature is one flag as the client API sends it for one environment. Field order is the order on the wire.
type Feature struct {
	Name           string       `json:"name"`
	Type           string       `json:"type,omitempty"`
	Enabled        bool         `json:"enabled"`
	Project        string       `json:"project,omitempty"`
	Stale          bool         `json:"stale"`
	Strategies     []Strategy   `json:"strategies"`
	Variants       []Variant    `json:"variants"`
	Description    *string      `json:"description"`
	ImpressionData bool         `json:"impressionData"`
	Dependencies   []Dependency `json:"dependencies,omitempty"`
}

// Strategy is one activation strategy of a feature. Segments are ids of Segment values that the payload also carries.
type Strategy struct {
	Name        string            `json:"name"`
	Constraints []Constraint      `json:"constraints"`
	Parameters  map[string]string `json:"parameters"`
	Variants    []Variant         `json:"variants"`
	Segments    []int             `json:"segments,omitempty"`
	Disabled    bool              `json:"disabled,omitempty"` // never sent by a server; honoured when present
}

// Constraint compares one context field. Value serves the single-value operators, Values the list operators.
type Constraint struct {
	ContextName     string   `json:"contextName"`
	Operator        string   `json:"operator"`
	Values          []string `json:"values"`
	Value           *string  `json:"value,omitempty"`
	Inverted        bool     `json:"inverted,omitempty"`
	CaseInsensitive bool     `json:"caseInsensitive,omitempty"`
}

// Segment is a named set of constraints that strategies share.
type Segment struct {
	ID          int          `json:"id"`
	Name        string       `json:"name,omitempty"`
	Constraints []Constraint `json:"constraints"`
}

// Variant is one weighted answer of a feature or of a strategy. Weights are thousandths as the server stores them, but
// any non-negative integers work: the share is weight divided by the sum.
type Variant struct {
	Name       string     `json:"name"`
	Weight     int        `json:"weight"`
	WeightType string     `json:"weightType,omitempty"`
	Stickiness string     `json:"stickiness,omitempty"`
	Payload    *Payload   `json:"payload,omitempty"`
	Overrides  []Override `json:"overrides,omitempty"`
}

// Payload is the value a variant carries. Type is string, json, csv or number; Value is always text.
type Payload struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Override pins a variant for contexts whose field has one of the values.
type Override struct {
	ContextName string   `json:"contextName"`
	Values      []string `json:"values"`
}

// Dependency makes a feature depend on a parent. A nil Enabled means true. Variants narrows an enabled parent to those
// variants; it is empty for any.
type Dependency struct {
	Feature  string   `json:"feature"`
	Enabled  *bool    `json:"enabled,omitempty"`
	Variants []string `json:"variants,omitempty"`
}
