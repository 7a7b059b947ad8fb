package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/queries"
)

// plan is an import that has been held against the instance: what to create, and the flags to define.
type plan struct {
	request       Request
	definitions   []feature.Definition // by name; segments have the document's ids
	segments      map[int32]Segment    // of the document, those in use
	segmentIDs    map[int32]int32      // of the document to those of the instance; Import adds those it creates
	contextFields []ContextField
	tagTypes      []tag.Type
	strategyTypes []StrategyType
	creates       map[string]bool // flags that do not exist
	report        Report
}

// prepare makes a plan. It writes nothing. Faults: NotFound for a project or an environment that the request names.
func prepare(ctx context.Context, tx pgx.Tx, in Request) (*plan, error) {
	if !all(in.Environment) {
		if err := requireEnvironment(ctx, tx, in.Environment); err != nil {
			return nil, err
		}
	}
	if !all(in.Project) {
		if err := requireProjects(ctx, tx, []string{in.Project}); err != nil {
			return nil, err
		}
	}
	p := &plan{request: in, creates: map[string]bool{}, segments: map[int32]Segment{}, segmentIDs: map[int32]int32{}}
	p.definitions = assemble(in, &p.report)
	for _, check := range []func(context.Context, pgx.Tx) error{
		p.checkProjects, p.checkFeatures, p.checkSegments, p.checkContextFields, p.checkTagTypes, p.checkStrategyTypes,
		p.checkParents,
	} {
		if err := check(ctx, tx); err != nil {
			return nil, err
		}
	}
	p.checkPermissions(access.ActorFrom(ctx))
	return p, nil
}

func (p *plan) names() []string {
	names := make([]string, len(p.definitions))
	for i, d := range p.definitions {
		names[i] = d.Name
	}
	return names
}

// checkProjects finds projects that do not exist and environments that they do not use. A flag that is off and empty in
// such an environment is no reason to refuse.
func (p *plan) checkProjects(ctx context.Context, tx pgx.Tx) error {
	ids := map[string]bool{}
	for _, d := range p.definitions {
		ids[d.Project] = true
	}
	delete(ids, "")
	wanted := slices.Sorted(maps.Keys(ids))
	projects, err := q.TransferProjectList(ctx, tx, wanted)
	if err != nil {
		return fmt.Errorf("read projects: %w", err)
	}
	for _, project := range projects {
		if project.ArchivedAt == nil {
			delete(ids, project.ID)
		}
	}
	p.report.error("The following projects do not exist or are archived:", slices.Collect(maps.Keys(ids)))
	rows, err := q.TransferProjectEnvironmentList(ctx, tx, wanted)
	if err != nil {
		return fmt.Errorf("read the projects' environments: %w", err)
	}
	uses := map[[2]string]bool{}
	for _, row := range rows {
		uses[[2]string{row.Project, row.Environment}] = true
	}
	var missing []string
	for i := range p.definitions {
		d := &p.definitions[i]
		if ids[d.Project] {
			continue
		}
		d.Environments = slices.DeleteFunc(d.Environments, func(e feature.EnvironmentDefinition) bool {
			if uses[[2]string{d.Project, e.Environment}] {
				return false
			}
			if e.Enabled || len(e.Strategies) > 0 || len(e.Variants) > 0 {
				missing = append(missing, d.Project+": "+e.Environment)
			}
			return true
		})
	}
	p.report.error("The following environments do not exist or are not used by the project:", missing)
	return nil
}

func (p *plan) checkFeatures(ctx context.Context, tx pgx.Tx) error {
	rows, err := q.FeatureLock(ctx, tx, p.names())
	if err != nil {
		return fmt.Errorf("lock features: %w", err)
	}
	existing := make(map[string]queries.Feature, len(rows))
	for _, row := range rows {
		existing[row.Name] = row
	}
	var elsewhere, archived, overwritten, open []string
	for _, d := range p.definitions {
		row, exists := existing[d.Name]
		switch {
		case !exists:
			p.creates[d.Name] = true
		case row.Project != d.Project:
			elsewhere = append(elsewhere, d.Name)
		case row.ArchivedAt != nil:
			archived = append(archived, d.Name)
		default:
			overwritten = append(overwritten, d.Name)
		}
		for _, e := range d.Environments {
			if e.Enabled && !slices.ContainsFunc(e.Strategies, func(s feature.Strategy) bool { return !s.Disabled }) {
				open = append(open, d.Name)
			}
		}
	}
	p.report.error("The following features already exist in other projects:", elsewhere)
	p.report.error("The following features are archived; revive or delete them first:", archived)
	p.report.warn("The following features already exist in this project and will be overwritten:", overwritten)
	p.report.warn("The following features are on without an enabled strategy; the default strategy will be added:", open)
	return nil
}

func (p *plan) checkSegments(ctx context.Context, tx pgx.Tx) error {
	listed := map[int32]Segment{}
	for _, s := range p.request.Document.Segments {
		listed[s.ID] = s
	}
	var unknown, names []string
	projects := map[int32]string{}
	p.eachStrategy(func(d feature.Definition, _ string, s feature.Strategy) {
		for _, id := range s.Segments {
			segment, ok := listed[id]
			if !ok {
				unknown = append(unknown, strconv.Itoa(int(id)))
				continue
			}
			p.segments[id], projects[id] = segment, d.Project
			names = append(names, segment.Name)
		}
	})
	rows, err := q.TransferSegmentList(ctx, tx, queries.TransferSegmentListParams{Names: names})
	if err != nil {
		return fmt.Errorf("read segments: %w", err)
	}
	existing := make(map[string]queries.Segment, len(rows))
	for _, row := range rows {
		existing[row.Name] = row
	}
	var missing, bound, different []string
	for id, segment := range p.segments {
		row, exists := existing[segment.Name]
		switch {
		case !exists && segment.Constraints == nil:
			missing = append(missing, segment.Name)
		case !exists:
		case row.Project != nil && *row.Project != projects[id]:
			bound = append(bound, segment.Name)
		default:
			p.segmentIDs[id] = row.ID
			current, err := constraintsOf(row)
			if err != nil {
				return err
			}
			if segment.Constraints != nil && !sameConstraints(current, segment.Constraints) {
				different = append(different, segment.Name)
			}
		}
	}
	p.report.error("The document does not name the segments with the following ids:", unknown)
	p.report.error("The following segments do not exist, and the document does not hold their constraints:", missing)
	p.report.error("The following segments belong to another project:", bound)
	p.report.warn("The following segments already exist with other constraints and will be kept as they are:", different)
	return nil
}

func sameConstraints(a, b []constraint.Constraint) bool {
	b = slices.Clone(b)
	for i := range b {
		b[i].Values = append([]string{}, b[i].Values...)
	}
	left, leftErr := json.Marshal(a)
	right, rightErr := json.Marshal(b)
	return leftErr == nil && rightErr == nil && string(left) == string(right)
}

func (p *plan) eachStrategy(f func(feature.Definition, string, feature.Strategy)) {
	for _, d := range p.definitions {
		for _, e := range d.Environments {
			for _, s := range e.Strategies {
				f(d, e.Environment, s)
			}
		}
	}
}
