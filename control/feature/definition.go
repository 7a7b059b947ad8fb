package feature

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pennonhq/pennon/queries"
)

// Definition is a flag with everything that decides what SDKs see of it, its tags and links. It is what export reads and what
// import makes true with Define. Nil Tags, Links and Dependencies are not known and stay as they are.
type Definition struct {
	Name           string
	Project        string
	Type           string // never empty
	Description    *string
	Stale          bool
	ImpressionData bool
	Tags           []Tag
	Links          []Link
	Dependencies   []Dependency
	Environments   []EnvironmentDefinition // environments that are not listed stay as they are
}

// EnvironmentDefinition is the part of a Definition in one environment. Strategies are in the order they are tried.
type EnvironmentDefinition struct {
	Environment string
	Enabled     bool
	Variants    []Variant
	Strategies  []Strategy
}

// Definitions reads what defines flags, in the order of rows, with a fixed number of queries. An empty environment means
// every one that the flag's project uses.
func Definitions(ctx context.Context, tx queries.DBTX, rows []queries.Feature, environment string) ([]Definition, error) {
	names := make([]string, len(rows))
	definitions := make([]Definition, len(rows))
	byName := make(map[string]*Definition, len(rows))
	for i, row := range rows {
		names[i] = row.Name
		definitions[i] = Definition{
			Name: row.Name, Project: row.Project, Type: row.Type, Description: row.Description, Stale: row.Stale,
			ImpressionData: row.ImpressionData, Tags: []Tag{}, Links: []Link{}, Dependencies: []Dependency{}, Environments: []EnvironmentDefinition{},
		}
		byName[row.Name] = &definitions[i]
	}
	if err := readEnvironments(ctx, tx, byName, names, environment); err != nil {
		return nil, err
	}
	tags, err := q.TransferTagList(ctx, tx, names)
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	for _, tag := range tags {
		d := byName[tag.Feature]
		d.Tags = append(d.Tags, Tag{Type: tag.Type, Value: tag.Value})
	}
	links, err := q.TransferLinkList(ctx, tx, names)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	for _, link := range links {
		d := byName[link.Feature]
		d.Links = append(d.Links, Link{URL: link.Url, Title: link.Title})
	}
	dependencies, err := q.TransferDependencyList(ctx, tx, names)
	if err != nil {
		return nil, fmt.Errorf("read dependencies: %w", err)
	}
	for _, row := range dependencies {
		dependency := Dependency{Parent: row.Parent, Enabled: row.Enabled}
		if err := json.Unmarshal(row.Variants, &dependency.Variants); err != nil {
			return nil, fmt.Errorf("decode dependency variants: %w", err)
		}
		d := byName[row.Child]
		d.Dependencies = append(d.Dependencies, dependency)
	}
	return definitions, nil
}

// readEnvironments fills in the states and strategies.
func readEnvironments(
	ctx context.Context, tx queries.DBTX, byName map[string]*Definition, names []string, environment string,
) error {
	var only *string
	if environment != "" {
		only = &environment
	}
	rows, err := q.TransferStrategyList(ctx, tx, queries.TransferStrategyListParams{Names: names, Environment: only})
	if err != nil {
		return fmt.Errorf("read strategies: %w", err)
	}
	type place struct{ feature, environment string }
	strategies := map[place][]Strategy{}
	for _, row := range rows {
		strategy, err := decodeStrategy(queries.FeatureStrategyListRow(row))
		if err != nil {
			return err
		}
		at := place{strategy.Feature, strategy.Environment}
		strategies[at] = append(strategies[at], strategy)
	}
	states, err := q.TransferEnvironmentList(ctx, tx, queries.TransferEnvironmentListParams{Names: names, Environment: only})
	if err != nil {
		return fmt.Errorf("read feature environments: %w", err)
	}
	for _, state := range states {
		variants, err := decodeVariants(state.Variants)
		if err != nil {
			return err
		}
		d := byName[state.Feature]
		d.Environments = append(d.Environments, EnvironmentDefinition{
			Environment: state.Environment, Enabled: state.Enabled, Variants: variants,
			Strategies: append([]Strategy{}, strategies[place{state.Feature, state.Environment}]...),
		})
	}
	return nil
}

// Matches reports whether d is what want says. Of strategies the order counts, neither the numbers that give it nor the
// ids.
func (d Definition) Matches(want Definition) bool {
	if d.Project != want.Project || d.Type != want.Type || !equalText(d.Description, want.Description) ||
		d.Stale != want.Stale || d.ImpressionData != want.ImpressionData {
		return false
	}
	if want.Tags != nil && !sameMembers(d.Tags, want.Tags, func(t Tag) Tag { return t }) {
		return false
	}
	if want.Links != nil && !sameMembers(d.Links, want.Links, linkKey) {
		return false
	}
	if want.Dependencies != nil && !matchingDependencies(d.Dependencies, want.Dependencies) {
		return false
	}
	current := make(map[string]EnvironmentDefinition, len(d.Environments))
	for _, e := range d.Environments {
		current[e.Environment] = e
	}
	for _, e := range want.Environments {
		if c, ok := current[e.Environment]; !ok || !c.matches(e) {
			return false
		}
	}
	return true
}

// linkKey tells a link without a title from one with an empty title.
func linkKey(l Link) string {
	if l.Title == nil {
		return l.URL
	}
	return l.URL + " " + *l.Title
}

func matchingDependencies(have, want []Dependency) bool {
	return sameMembers(have, want, func(d Dependency) string {
		return fmt.Sprintf("%q %t %q", d.Parent, d.Enabled, d.Variants)
	})
}

// sameMembers reports whether two lists have the same members, whatever their order.
func sameMembers[T any, K comparable](a, b []T, key func(T) K) bool {
	left, right := map[K]bool{}, map[K]bool{}
	for _, item := range a {
		left[key(item)] = true
	}
	for _, item := range b {
		if !left[key(item)] {
			return false
		}
		right[key(item)] = true
	}
	return len(left) == len(right)
}

func (e EnvironmentDefinition) matches(want EnvironmentDefinition) bool {
	if e.Enabled != want.Enabled || len(e.Strategies) != len(want.Strategies) ||
		!equalJSON(append([]Variant{}, e.Variants...), append([]Variant{}, want.Variants...)) {
		return false
	}
	for i := range e.Strategies {
		wanted := complete(want.Strategies[i])
		wanted.ID, wanted.SortOrder = e.Strategies[i].ID, e.Strategies[i].SortOrder
		if !equalJSON(e.Strategies[i], wanted) {
			return false
		}
	}
	return true
}
