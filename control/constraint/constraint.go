// Package constraint knows which constraints a strategy or segment may hold: the operators and what their values must
// look like. How they are evaluated is eval's matter.
//
// It imports queries, fault and control/limit. control/feature and control/segment import it.
package constraint

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

// Limits on one constraint. How many there may be is control/limit's matter.
const (
	maxValueLength  = 100  // characters a value in a list
	maxSingleLength = 1000 // characters a single value, a regular expression above all
	maxNameLength   = 100  // characters the name of a context field
)

// Constraint is a condition on one context field. It is stored and sent as it is marshalled; pointers keep what was not
// given apart from what was given as false or empty.
type Constraint struct {
	Values          []string `json:"values"`
	Value           *string  `json:"value,omitempty"`
	Inverted        *bool    `json:"inverted,omitempty"`
	Operator        string   `json:"operator"`
	ContextName     string   `json:"contextName"`
	CaseInsensitive *bool    `json:"caseInsensitive,omitempty"`
}

// Check fails with fault.Invalid when one of list breaks a rule, including the legal values of context fields that
// define some. It returns list as it is to be stored: with empty rather than missing lists of values.
func Check(ctx context.Context, db queries.DBTX, list []Constraint) ([]Constraint, error) {
	checked := make([]Constraint, len(list))
	var names []string
	for i, c := range list {
		if err := c.check(); err != nil {
			return nil, err
		}
		if c.Values == nil {
			c.Values = []string{}
		}
		checked[i] = c
		names = append(names, c.ContextName)
	}
	if len(names) == 0 {
		return checked, nil
	}
	fields, err := q.ContextFieldLegalValues(ctx, db, names)
	if err != nil {
		return nil, fmt.Errorf("read legal values: %w", err)
	}
	for _, field := range fields {
		if err := checkLegal(checked, field); err != nil {
			return nil, err
		}
	}
	return checked, nil
}

// legalValue is how context fields store what they accept.
type legalValue struct {
	Value string `json:"value"`
}

func checkLegal(list []Constraint, field queries.ContextFieldLegalValuesRow) error {
	var legal []legalValue
	if err := json.Unmarshal(field.LegalValues, &legal); err != nil {
		return fmt.Errorf("legal values of context field %s: %w", field.Name, err)
	}
	if len(legal) == 0 {
		return nil
	}
	for _, c := range list {
		if c.ContextName != field.Name {
			continue
		}
		values := c.Values
		if operators[c.Operator].single && c.Value != nil {
			values = []string{*c.Value}
		}
		for _, value := range values {
			if !slices.Contains(legal, legalValue{Value: value}) {
				return fault.New(fault.Invalid, "%q is not a legal value of the context field %s.", value, field.Name)
			}
		}
	}
	return nil
}

// Within fails with fault.LimitExceeded when list is longer than maxConstraints or one of its constraints holds more
// than maxValues values.
func Within(list []Constraint, maxConstraints, maxValues int) error {
	if len(list) > maxConstraints {
		return limit.Exceeded("constraints", maxConstraints)
	}
	for _, c := range list {
		if len(c.Values) > maxValues {
			return limit.Exceeded("constraint values for "+c.ContextName, maxValues)
		}
	}
	return nil
}
