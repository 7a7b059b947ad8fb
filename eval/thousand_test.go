package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// thousandFlags is the payload that Pennon's benchmarks share: 1,000 features with two flexibleRollout strategies each,
// every strategy with two constraints out of IN, NOT_IN, STR_STARTS_WITH and NUM_GT.
func thousandFlags() []Feature {
	features := make([]Feature, 1000)
	for i := range features {
		name := fmt.Sprintf("team-%02d.service.feature-%04d", i%20, i)
		description := "Feature " + strconv.Itoa(i) + " of the benchmark payload"
		features[i] = Feature{
			Name:        name,
			Type:        "release",
			Enabled:     i%10 != 9,
			Project:     "default",
			Description: &description,
			Strategies: []Strategy{
				thousandStrategy(name, i, (i*7)%101),
				thousandStrategy(name, i+2, (i*13)%101),
			},
		}
	}
	return features
}

func thousandStrategy(group string, i, rollout int) Strategy {
	return Strategy{
		Name: "flexibleRollout",
		Constraints: []Constraint{
			thousandConstraint(i),
			thousandConstraint(i + 1),
		},
		Parameters: map[string]string{"groupId": group, "rollout": strconv.Itoa(rollout), "stickiness": "default"},
	}
}

var thousandCountries = []string{"no", "se", "dk", "de", "fr", "nl", "pl", "es", "it", "pt"}

func thousandConstraint(i int) Constraint {
	switch i % 4 {
	case 0:
		values := make([]string, 0, 5)
		for j := range 5 {
			values = append(values, thousandCountries[(i/4+2*j)%len(thousandCountries)])
		}
		return Constraint{ContextName: "country", Operator: "IN", Values: values}
	case 1:
		return Constraint{ContextName: "plan", Operator: "NOT_IN", Values: []string{"trial", "blocked", "plan-" + strconv.Itoa(i%7)}}
	case 2:
		return Constraint{ContextName: "email", Operator: "STR_STARTS_WITH", Values: []string{"admin", "beta", "user-" + strconv.Itoa(i/4%4)}}
	default:
		limit := strconv.Itoa(i % 60)
		return Constraint{ContextName: "age", Operator: "NUM_GT", Values: []string{}, Value: &limit}
	}
}

// thousandContexts differ in every field that the payload looks at.
func thousandContexts() []*Context {
	contexts := make([]*Context, 16)
	for i := range contexts {
		contexts[i] = &Context{
			UserID:      "user-" + strconv.Itoa(1000+i*37),
			SessionID:   "session-" + strconv.Itoa(i),
			Environment: "production",
			AppName:     "shop",
			Properties: map[string]string{
				"country": thousandCountries[i%len(thousandCountries)],
				"plan":    "plan-" + strconv.Itoa(i%9),
				"email":   "user-" + strconv.Itoa(i%4) + "@example.com",
				"age":     strconv.Itoa(18 + i*3),
			},
		}
	}
	return contexts
}

// handFlag and handStrategy are the payload above written out by hand: only the two strategies and four comparisons
// that occur in it, the context's fields in variables, the number parsed once. It is the floor that the engine is
// measured against, so it may use the engine's own hash state.
type handFlag struct {
	enabled    bool
	strategies [2]handStrategy
}

type handStrategy struct {
	constraints [2]handConstraint
	key         bucketKey
	threshold   uint32
}

type handConstraint struct {
	kind   uint8
	values []string
	limit  float64
}

func handCompile(features []Feature) []handFlag {
	flags := make([]handFlag, len(features))
	for i, feature := range features {
		flags[i].enabled = feature.Enabled
		for j, source := range feature.Strategies {
			rollout, _ := strconv.Atoi(source.Parameters["rollout"])
			s := handStrategy{
				key:       newBucketKey(source.Parameters["groupId"], rolloutSeed),
				threshold: uint32(rollout),
			}
			for k, c := range source.Constraints {
				s.constraints[k].values = c.Values
				s.constraints[k].kind = uint8(slices.Index([]string{"IN", "NOT_IN", "STR_STARTS_WITH", "NUM_GT"}, c.Operator))
				if c.Value != nil {
					s.constraints[k].limit, _ = strconv.ParseFloat(*c.Value, 64)
				}
			}
			flags[i].strategies[j] = s
		}
	}
	return flags
}

// handEvaluate is the hand-written loop. It reports each answer to yield, as All does.
func handEvaluate(flags []handFlag, ctx *Context, yield func(i int, on bool) bool) {
	user := ctx.UserID
	country, plan, email := ctx.Properties["country"], ctx.Properties["plan"], ctx.Properties["email"]
	age, _ := strconv.ParseFloat(ctx.Properties["age"], 64)
	for i := range flags {
		flag := &flags[i]
		on := false
		if flag.enabled {
		strategies:
			for j := range flag.strategies {
				s := &flag.strategies[j]
				for k := range s.constraints {
					c := &s.constraints[k]
					ok := false
					switch c.kind {
					case 0:
						for _, value := range c.values {
							if value == country {
								ok = true
								break
							}
						}
					case 1:
						ok = true
						for _, value := range c.values {
							if value == plan {
								ok = false
								break
							}
						}
					case 2:
						for _, value := range c.values {
							if strings.HasPrefix(email, value) {
								ok = true
								break
							}
						}
					default:
						ok = age > c.limit
					}
					if !ok {
						continue strategies
					}
				}
				if s.key.percent(user) <= s.threshold {
					on = true
					break
				}
			}
		}
		if !yield(i, on) {
			return
		}
	}
}
