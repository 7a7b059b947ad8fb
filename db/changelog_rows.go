package db

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
)

// flagRows turns the rows that make up flags into flags, each as it arrives: while PostgreSQL still reads the next ones,
// and so that never more than one row is held besides the flags.
type flagRows struct {
	follower *follower
	flags    *flags
	plain    plainReader
	names    map[string]string // the few that most rows repeat

	// What the row at hand holds.
	flag         flagColumn
	id           bytesColumn
	environment  nameColumn
	strategyName nameColumn
	parameters   documentColumn
	constraints  documentColumn
	variants     documentColumn
}

// queue asks for the rows of the named flags. The flags' own come first: what belongs to no loaded flag is skipped.
func (r *flagRows) queue(batch *pgx.Batch, names []string) {
	if r.names == nil {
		r.names = map[string]string{}
		r.flag.flags, r.environment.known, r.strategyName.known = r.flags, r.names, r.names
	}
	flags := make([]flag, 0, len(names))
	each(batch, queries.ChangeLogFeatures, names, func(rows pgx.Rows) error {
		var description *string
		var name string
		var stale, impressionData bool
		project, kind := nameColumn{known: r.names}, nameColumn{known: r.names}
		return forEach(rows, func() {
			flags = append(flags, flag{shared: replica.Feature{Feature: eval.Feature{
				Name: name, Type: kind.text, Project: project.text, Stale: stale, Description: description, ImpressionData: impressionData,
			}}})
			r.flags.byName[name] = &flags[len(flags)-1]
		}, &name, &project, &kind, &description, &stale, &impressionData)
	})
	each(batch, queries.ChangeLogFeatureEnvironments, names, func(rows pgx.Rows) error {
		var enabled bool
		return forEach(rows, func() {
			if r.flag.flag != nil {
				part := r.flag.flag.part(r.environment.text)
				part.enabled = enabled
				part.variants = r.follower.decodeVariants(r.variants.json(), "feature", r.flag.name(), "environment", part.name)
			}
		}, &r.flag, &r.environment, &enabled, &r.variants)
	})
	each(batch, queries.ChangeLogStrategies, names, func(rows pgx.Rows) error {
		var disabled bool
		var segments string
		return forEach(rows, func() {
			switch {
			case r.flag.flag == nil:
			case disabled:
				r.flag.flag.part(r.environment.text).disabled++
			default:
				part := r.flag.flag.part(r.environment.text)
				part.strategies = append(part.strategies, r.strategy(segments))
			}
		}, &r.id, &r.flag, &r.environment, &r.strategyName, &disabled, &r.parameters, &r.constraints, &r.variants, &segments)
	})
	each(batch, queries.ChangeLogDependencies, names, func(rows pgx.Rows) error {
		var dependency queries.FeatureDependency
		return forEach(rows, func() {
			if r.flag.flag != nil {
				dependency.Variants = r.variants.json()
				shared := &r.flag.flag.shared
				shared.Dependencies = append(shared.Dependencies, decodeDependency(dependency))
			}
		}, &r.flag, &dependency.Parent, &dependency.Enabled, &r.variants)
	})
	each(batch, queries.ChangeLogTags, names, func(rows pgx.Rows) error {
		var tag replica.Tag
		return forEach(rows, func() {
			if r.flag.flag != nil {
				r.flag.flag.shared.Tags = append(r.flag.flag.shared.Tags, tag)
			}
		}, &r.flag, &tag.Type, &tag.Value)
	})
}

// strategy makes the strategy of the row at hand. segments are ids separated by commas.
func (r *flagRows) strategy(segments string) eval.Strategy {
	strategy := eval.Strategy{Name: r.strategyName.text, Variants: []eval.Variant{}}
	about := func() []any {
		return []any{"feature", r.flag.name(), "environment", r.environment.text, "strategy", string(r.id)}
	}
	var ok bool
	if strategy.Parameters, ok = r.plain.parameters(r.parameters.text); !ok {
		strategy.Parameters = r.follower.decodeParameters(r.parameters.json(), about()...)
	}
	if strategy.Constraints, ok = r.plain.constraints(r.constraints.text); !ok {
		strategy.Constraints = r.follower.decodeConstraints(r.constraints.json(), about()...)
	}
	if !r.variants.empty() {
		strategy.Variants = r.follower.decodeVariants(r.variants.json(), about()...)
	}
	for len(segments) > 0 {
		var id string
		id, segments, _ = strings.Cut(segments, ",")
		if id, err := strconv.Atoi(id); err == nil { // an integer by the query
			strategy.Segments = append(strategy.Segments, id)
		}
	}
	return strategy
}

// each queues a query about the named flags.
func each(batch *pgx.Batch, sql string, names []string, read func(pgx.Rows) error) {
	batch.Queue(sql, names).Query(read)
}

// forEach calls row once the columns of each row are in their targets.
func forEach(rows pgx.Rows, row func(), targets ...any) error {
	_, err := pgx.ForEachRow(rows, targets, func() error {
		row()
		return nil
	})
	return err
}

// The columns below are targets that take a value without a copy of its own where there is a way. They implement
// pgtype.BytesScanner, which text and jsonb know.
var (
	_ pgtype.BytesScanner = (*nameColumn)(nil)
	_ pgtype.BytesScanner = (*flagColumn)(nil)
	_ pgtype.BytesScanner = (*bytesColumn)(nil)
	_ pgtype.BytesScanner = (*documentColumn)(nil)
)

// nameColumn holds a text that many rows repeat.
type nameColumn struct {
	known map[string]string
	text  string
}

// ScanBytes implements pgtype.BytesScanner.
func (c *nameColumn) ScanBytes(value []byte) error {
	text, known := c.known[string(value)]
	if !known {
		text = string(value)
		c.known[text] = text
	}
	c.text = text
	return nil
}

// flagColumn holds the flag that the row belongs to, nil if that is not loaded.
type flagColumn struct {
	flags *flags
	flag  *flag
}

// ScanBytes implements pgtype.BytesScanner.
func (c *flagColumn) ScanBytes(value []byte) error {
	// Rows are mostly in the flags' order.
	if c.flag == nil || c.flag.shared.Name != string(value) {
		c.flag = c.flags.byName[string(value)]
	}
	return nil
}

func (c *flagColumn) name() string { return c.flag.shared.Name }

// bytesColumn holds a value that is rarely looked at.
type bytesColumn []byte

// ScanBytes implements pgtype.BytesScanner.
func (c *bytesColumn) ScanBytes(value []byte) error {
	*c = append((*c)[:0], value...)
	return nil
}

// documentColumn holds the text of a jsonb value.
type documentColumn struct {
	text string
}

// ScanBytes implements pgtype.BytesScanner.
func (c *documentColumn) ScanBytes(value []byte) error {
	switch string(value) {
	case "[]":
		c.text = "[]"
	case "{}":
		c.text = "{}"
	default:
		c.text = string(value)
	}
	return nil
}

func (c *documentColumn) json() json.RawMessage { return json.RawMessage(c.text) }

func (c *documentColumn) empty() bool { return c.text == "[]" }
