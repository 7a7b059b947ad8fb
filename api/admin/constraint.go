package admin

import "github.com/pennonhq/pennon/control/constraint"

// ConstraintSchema is a condition on one context field, of a strategy or a segment.
type ConstraintSchema struct {
	Values          []string `json:"values,omitzero" doc:"What the field is compared with, by operators that take several"`
	Value           *string  `json:"value,omitempty" doc:"What the field is compared with, by operators that take one"`
	Inverted        *bool    `json:"inverted,omitempty" doc:"Holds where the comparison does not"`
	Operator        string   `json:"operator" doc:"How to compare: NOT_IN, IN, STR_ENDS_WITH, STR_STARTS_WITH, STR_CONTAINS, NUM_EQ, NUM_GT, NUM_GTE, NUM_LT, NUM_LTE, DATE_AFTER, DATE_BEFORE, SEMVER_EQ, SEMVER_GT, SEMVER_LT, SEMVER_GTE, SEMVER_LTE, REGEX or IN_CIDR"`
	ContextName     string   `json:"contextName" doc:"The context field"`
	CaseInsensitive *bool    `json:"caseInsensitive,omitempty" doc:"Ignores case, by the operators on strings"`
}

func constraintsOf(schemas []ConstraintSchema) []constraint.Constraint {
	list := make([]constraint.Constraint, len(schemas))
	for i, s := range schemas {
		list[i] = constraint.Constraint(s)
	}
	return list
}

func constraintSchemas(list []constraint.Constraint) []ConstraintSchema {
	schemas := make([]ConstraintSchema, len(list))
	for i, c := range list {
		if c.Values == nil {
			c.Values = []string{}
		}
		schemas[i] = ConstraintSchema(c)
	}
	return schemas
}
