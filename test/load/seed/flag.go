// Package seed makes the flags a benchmark serves and loads them into the databases of Pennon and of the Unleash server,
// so that both hold the same state. Flags are generated, the same ones every time.
package seed

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Environment is the environment the flags are set in.
const Environment = "development"

// Flag is one generated flag, in the shape SDKs get (clientFeatureSchema).
type Flag struct {
	Name           string     `json:"name"`
	Type           string     `json:"type"`
	Description    *string    `json:"description"`
	Enabled        bool       `json:"enabled"`
	Stale          bool       `json:"stale"`
	ImpressionData bool       `json:"impressionData"`
	Project        string     `json:"project"`
	Strategies     []Strategy `json:"strategies"`
	Variants       []struct{} `json:"variants"`
}

// Strategy is an activation strategy of a flag.
type Strategy struct {
	ID          string            `json:"-"`
	Name        string            `json:"name"`
	Constraints []Constraint      `json:"constraints"`
	Parameters  map[string]string `json:"parameters"`
	Variants    []struct{}        `json:"variants"`
}

// Constraint limits a strategy to some contexts.
type Constraint struct {
	ContextName     string   `json:"contextName"`
	Operator        string   `json:"operator"`
	CaseInsensitive bool     `json:"caseInsensitive"`
	Inverted        bool     `json:"inverted"`
	Values          []string `json:"values"`
}

// Flags returns n flags with two strategies each, about 800 bytes of JSON a flag: what a busy project looks like.
func Flags(n int) []Flag {
	flags := make([]Flag, n)
	for i := range flags {
		flags[i] = flag(fmt.Sprintf("flag-%05d", i), i%5 != 0,
			rollout(i*7%101, Constraint{
				ContextName: "userId", Operator: "IN",
				Values: []string{fmt.Sprintf("user-%d", i), fmt.Sprintf("user-%d", i+1), fmt.Sprintf("user-%d", i+2)},
			}, Constraint{
				ContextName: "appVersion", Operator: "STR_STARTS_WITH", Values: []string{fmt.Sprintf("%d.", i%9)},
			}),
			rollout(i*13%101, Constraint{ContextName: "country", Operator: "NOT_IN", Values: []string{"no", "se", "dk"}}),
		)
	}
	return flags
}

// MarkedFlags returns n small flags for changes to be followed: their one strategy carries the mark of the newest change
// in its parameter groupId. A delta of one is about 500 bytes.
func MarkedFlags(n int) []Flag {
	flags := make([]Flag, n)
	for i := range flags {
		flags[i] = flag(fmt.Sprintf("marked-%03d", i), true,
			rollout(50, Constraint{ContextName: "userId", Operator: "IN", Values: []string{"user-1", "user-2", "user-3"}}))
		flags[i].Strategies[0].Parameters["groupId"] = "change-0"
	}
	return flags
}

// WatchedFlags returns n flags for browsers to watch: each is on for those of its group, 0 or 1, or for everybody where
// grouped is false, with a variant whose payload carries the mark of the newest change.
func WatchedFlags(n int, grouped bool) []Flag {
	flags := make([]Flag, n)
	for i := range flags {
		if grouped {
			flags[i] = flag(fmt.Sprintf("grouped-%03d", i), true,
				rollout(100, Constraint{ContextName: "group", Operator: "IN", Values: []string{fmt.Sprint(i % 2)}}))
		} else {
			flags[i] = flag(fmt.Sprintf("watched-%03d", i), true, rollout(100))
		}
	}
	return flags
}

// Names returns the flags' names.
func Names(flags []Flag) []string {
	names := make([]string, len(flags))
	for i, flag := range flags {
		names[i] = flag.Name
	}
	return names
}

func flag(name string, enabled bool, strategies ...Strategy) Flag {
	for i := range strategies {
		strategies[i].ID = uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s/%d", name, i)).String()
		strategies[i].Parameters["groupId"] = name
	}
	return Flag{
		Name: name, Type: "release", Enabled: enabled, Project: "default", Strategies: strategies, Variants: []struct{}{},
	}
}

func rollout(percent int, constraints ...Constraint) Strategy {
	if constraints == nil {
		constraints = []Constraint{} // the databases want an array
	}
	return Strategy{
		Name: "flexibleRollout", Constraints: constraints, Variants: []struct{}{},
		Parameters: map[string]string{"rollout": fmt.Sprint(percent), "stickiness": "default"},
	}
}

// Delta returns the server-sent event of a flag's update, as Pennon frames it.
func Delta(eventID int, flag Flag) ([]byte, error) {
	type event struct {
		Type    string `json:"type"`
		EventID int    `json:"eventId"`
		Feature Flag   `json:"feature"`
	}
	data, err := json.Marshal(map[string][]event{"events": {{"feature-updated", eventID, flag}}})
	if err != nil {
		return nil, fmt.Errorf("encode delta: %w", err)
	}
	return fmt.Appendf(nil, "event: unleash-updated\nid: %d\ndata: %s\n\n", eventID, data), nil
}
