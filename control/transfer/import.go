package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/segment"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Request says what to import and where to. Project and Environment may be All: then flags go into the projects, and their
// states and strategies into the environments, that the document gives them.
type Request struct {
	Project     string
	Environment string
	Document    Document
}

// Import makes the flags of a document be what it says, in the project and environment asked for, and creates what they
// refer to. Flags and environments that the document does not hold stay as they are, and so do segments, context fields
// and types that exist. Importing again changes nothing and leaves no event. Errors and missing permissions that Validate
// would report fail it.
func Import(ctx context.Context, tx pgx.Tx, in Request) error {
	p, err := prepare(ctx, tx, in)
	if err != nil {
		return err
	}
	if len(p.report.Permissions) > 0 {
		return fault.MissingPermission(p.report.Permissions[0].AffectedItems...)
	}
	if len(p.report.Errors) > 0 {
		return refusal(p.report.Errors)
	}
	changed, err := p.apply(ctx, tx, func(_ string, do func(pgx.Tx) error) error { return do(tx) })
	if err != nil || !changed {
		return err
	}
	return event.Append(ctx, tx, event.Event{
		Type: event.FeaturesImported, Project: orNone(in.Project), Environment: orNone(in.Environment),
	})
}

// Validate reports what Import would meet, and changes nothing: it tries the import in a savepoint and rolls it back.
func Validate(ctx context.Context, tx pgx.Tx, in Request) (Report, error) {
	p, err := prepare(ctx, tx, in)
	if err != nil {
		return Report{}, err
	}
	if len(p.report.Permissions) > 0 || len(p.report.Errors) > 0 {
		return p.report, nil
	}
	trial, err := tx.Begin(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("begin the trial: %w", err)
	}
	_, err = p.apply(ctx, trial, func(what string, do func(pgx.Tx) error) error {
		step, err := trial.Begin(ctx)
		if err != nil {
			return fmt.Errorf("begin a step: %w", err)
		}
		if err = do(step); err == nil {
			return step.Commit(ctx)
		}
		problem := fault.As(err)
		if problem == nil {
			return err
		}
		message := problem.Message
		for _, detail := range problem.Details {
			if detail.Message != message {
				message += " " + detail.Message
			}
		}
		p.report.error(message, []string{what})
		return step.Rollback(ctx)
	})
	if err != nil {
		return Report{}, err
	}
	if err := trial.Rollback(ctx); err != nil {
		return Report{}, fmt.Errorf("end the trial: %w", err)
	}
	return p.report, nil
}

func refusal(errors []Item) error {
	f := fault.New(fault.Invalid, "The document cannot be imported.")
	for _, item := range errors {
		f.Details = append(f.Details, fault.Detail{Message: item.Message + " " + strings.Join(item.AffectedItems, ", ")})
	}
	return f
}

// apply carries the plan out and reports whether there was anything to do. Each step that concerns one thing runs through
// attempt, which may let apply go on after a failure.
func (p *plan) apply(
	ctx context.Context, tx pgx.Tx, attempt func(what string, do func(pgx.Tx) error) error,
) (changed bool, err error) {
	changed, err = p.createVocabulary(ctx, attempt)
	if err != nil || len(p.report.Errors) > 0 {
		return changed, err
	}
	different, err := p.different(ctx, tx)
	if err != nil {
		return changed, err
	}
	for _, define := range []func(context.Context, pgx.Tx, feature.Definition) error{
		feature.Define, feature.RemoveOtherDependencies, feature.DefineDependencies,
	} {
		for _, d := range different {
			if err := attempt(d.Name, func(tx pgx.Tx) error { return define(ctx, tx, d) }); err != nil {
				return changed, err
			}
		}
		if len(p.report.Errors) > 0 {
			break // the rest would fail over the same
		}
	}
	return changed || len(different) > 0, nil
}

// different returns the definitions that are not so already, with the instance's segment ids.
func (p *plan) different(ctx context.Context, tx pgx.Tx) ([]feature.Definition, error) {
	rows, err := q.TransferFeatureList(ctx, tx, queries.TransferFeatureListParams{ByName: true, Names: p.names()})
	if err != nil {
		return nil, fmt.Errorf("read features: %w", err)
	}
	list, err := feature.Definitions(ctx, tx, rows, orNone(p.request.Environment))
	if err != nil {
		return nil, err
	}
	current := make(map[string]feature.Definition, len(list))
	for _, d := range list {
		current[d.Name] = d
	}
	var different []feature.Definition
	for _, d := range p.definitions {
		d = p.withSegmentIDs(d)
		if now, exists := current[d.Name]; !exists || !now.Matches(d) {
			different = append(different, d)
		}
	}
	return different, nil
}

func (p *plan) withSegmentIDs(d feature.Definition) feature.Definition {
	d.Environments = slices.Clone(d.Environments)
	for i := range d.Environments {
		strategies := slices.Clone(d.Environments[i].Strategies)
		for j := range strategies {
			ids := make([]int32, len(strategies[j].Segments))
			for k, id := range strategies[j].Segments {
				ids[k] = p.segmentIDs[id]
			}
			strategies[j].Segments = ids
		}
		d.Environments[i].Strategies = strategies
	}
	return d
}

// createVocabulary creates what the flags refer to.
func (p *plan) createVocabulary(ctx context.Context, attempt func(string, func(pgx.Tx) error) error) (created bool, err error) {
	for _, f := range p.contextFields {
		created = true
		err := attempt(f.Name, func(tx pgx.Tx) error {
			_, err := contextfield.Create(ctx, tx, "", f.Name, contextfield.Input{
				Description: f.Description, Stickiness: &f.Stickiness, SortOrder: &f.SortOrder, LegalValues: f.LegalValues,
			})
			return err
		})
		if err != nil {
			return created, err
		}
	}
	for _, t := range p.tagTypes {
		created = true
		err := attempt(t.Name, func(tx pgx.Tx) error {
			_, err := tag.CreateType(ctx, tx, t)
			return err
		})
		if err != nil {
			return created, err
		}
	}
	for _, t := range p.strategyTypes {
		created = true
		err := attempt(t.Name, func(tx pgx.Tx) error {
			_, err := strategytype.Create(ctx, tx, t.Name, strategytype.Input{Description: t.Description, Parameters: t.Parameters})
			return err
		})
		if err != nil {
			return created, err
		}
	}
	segments, err := p.createSegments(ctx, attempt)
	return created || segments, err
}

func (p *plan) createSegments(ctx context.Context, attempt func(string, func(pgx.Tx) error) error) (created bool, err error) {
	for _, s := range p.request.Document.Segments {
		if _, used := p.segments[s.ID]; !used {
			continue
		}
		if _, exists := p.segmentIDs[s.ID]; exists {
			continue
		}
		created = true
		err := attempt(s.Name, func(tx pgx.Tx) error {
			in := segment.Input{Name: s.Name, Description: s.Description, Project: s.Project, Constraints: s.Constraints}
			if project := orNone(p.request.Project); s.Project != nil && project != "" {
				in.Project = &project
			}
			row, err := segment.Create(ctx, tx, in)
			p.segmentIDs[s.ID] = row.ID
			return err
		})
		if err != nil {
			return created, err
		}
	}
	return created, nil
}
