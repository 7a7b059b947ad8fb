//go:build unix

package sdk

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Report is what a script said while it ran.
type Report struct {
	// Checks are the facts it checked, in order.
	Checks []Check
	// Lines are the lines meant for a person.
	Lines []string
	// Result is the JSON value the script ended with; its shape is the script's own.
	Result json.RawMessage
}

// Check is one fact about the server or the SDK.
type Check struct {
	// Name says what holds when OK is true.
	Name string `json:"check"`
	// OK says whether it held.
	OK bool `json:"ok"`
	// Detail is what was seen instead, for a check that did not hold.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Failed answers the checks that did not hold.
func (r Report) Failed() []Check {
	var failed []Check
	for _, check := range r.Checks {
		if !check.OK {
			failed = append(failed, check)
		}
	}
	return failed
}

// Decode unmarshals the script's result into value, a pointer, and fails the test when it has
// another shape.
func (r Report) Decode(t *testing.T, value any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.Result, value), "result %s", r.Result)
}

// Specification is the result of spec.mjs.
type Specification struct {
	// Version is that of the client specification.
	Version string `json:"specification"`
	// SDK is the version of unleash-client.
	SDK string `json:"sdk"`
	// Modes holds the counts by mode: polling, delta and streaming.
	Modes map[string]Cases `json:"modes"`
}

// Cases counts the cases of the client specification in one mode.
type Cases struct {
	// Suites is the number of suites that were evaluated.
	Suites int `json:"suites"`
	// Cases is the number of cases that were evaluated: Passed and Failed.
	Cases  int `json:"cases"`
	Passed int `json:"passed"`
	Failed int `json:"failed"`
	// Inexpressible is the number of cases whose flag the Admin API does not take.
	Inexpressible int `json:"inexpressible"`
	// Restated is the number of evaluated cases with a listed result in place of the
	// specification's, because the Admin API rescales variant weights.
	Restated int `json:"restated"`
}
