package suite

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/pennonhq/pennon/test/load/report"
)

// Records keeps every figure of a run by name and round, and every failure. A name is a path such as
// "features/plain/pennon/cpu": area, case, system, quantity.
type Records struct {
	Rounds   int                        `json:"rounds"`
	Figures  map[string]map[int]float64 `json:"figures"`
	Failures map[string][]string        `json:"failures"`

	round int
}

func newRecords(rounds int) *Records {
	return &Records{Rounds: rounds, Figures: map[string]map[int]float64{}, Failures: map[string][]string{}}
}

// Put records a figure of the round at hand.
func (r *Records) Put(name string, value float64) {
	if r.Figures[name] == nil {
		r.Figures[name] = map[int]float64{}
	}
	r.Figures[name][r.round] = value
}

// Fail records that everything under a path could not be measured in the round at hand.
func (r *Records) Fail(path string, err error) {
	r.Failures[path] = append(r.Failures[path], fmt.Sprintf("round %d: %v", r.round+1, err))
}

// figure returns a figure over all rounds.
func (r *Records) figure(name string) report.Figure {
	figure := make(report.Figure, r.Rounds)
	for round := range figure {
		figure[round] = math.NaN()
		if value, ok := r.Figures[name][round]; ok {
			figure[round] = value
		}
	}
	return figure
}

// Measured returns a figure for a table. It is an error when the figure, or anything above it in its path, failed in any
// round: a median over the rounds that happened to work would hide it.
func (r *Records) Measured(name string) report.Measured {
	for path := name; path != ""; path = parent(path) {
		if failures := r.Failures[path]; len(failures) > 0 {
			return report.Measured{Figure: r.figure(name), Err: fmt.Errorf("%s", failures[0])}
		}
	}
	return report.Measured{Figure: r.figure(name)}
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// Save writes the records as JSON.
func (r *Records) Save(path string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode records: %w", err)
	}
	if err := os.WriteFile(path, append(encoded, '\n'), 0o644); err != nil {
		return fmt.Errorf("save records: %w", err)
	}
	return nil
}
