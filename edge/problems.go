package edge

import (
	"errors"
	"fmt"

	"github.com/pennonhq/pennon/token"
)

// tokenProblem is a token of the start that brings no flags because of what it is.
type tokenProblem struct {
	Token       string `json:"token"` // redacted
	Environment string `json:"environment,omitempty"`
	Error       string `json:"error"`
}

// Ready returns nil when the tokens of the start bring what they should. One that the upstream does not know, or that is of
// the wrong kind, is no reason not to be ready while others bring flags: it would take the edge away from all environments
// for the fault of one. Problems tells of it. A token that nothing is known of yet is one.
func (a *admission) Ready() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var faults []error
	for _, s := range a.startup {
		switch {
		case s.faulty:
			faults = append(faults, s.problem)
		case s.problem != nil:
			return s.problem
		case !s.known:
			return errors.New("the upstream has not said yet what " + token.Redact(s.secret) + " is")
		}
	}
	if len(faults) > 0 && len(faults) == len(a.startup) {
		return fmt.Errorf("no token of the start brings flags: %w", errors.Join(faults...))
	}
	return nil
}

// problems tells which tokens of the start bring nothing, and why.
func (a *admission) problems() []tokenProblem {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []tokenProblem
	for _, s := range a.startup {
		if s.faulty {
			parts, _ := token.Parse(s.secret)
			all = append(all, tokenProblem{Token: token.Redact(s.secret), Environment: parts.Environment, Error: s.problem.Error()})
		}
	}
	return all
}
