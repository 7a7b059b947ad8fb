package transfer

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pennonhq/pennon/control/feature"
)

// assembly turns a flat document into definitions, and notes what does not fit together.
type assembly struct {
	document    Document
	project     string // empty: each flag's own
	environment string // empty: each entry's own
	definitions map[string]*feature.Definition
	report      *Report
}

// assemble returns the definitions of the document's flags by name. Segments in them have the document's ids.
func assemble(in Request, report *Report) []feature.Definition {
	a := &assembly{
		document: in.Document, project: orNone(in.Project), environment: orNone(in.Environment),
		definitions: map[string]*feature.Definition{}, report: report,
	}
	a.addFeatures()
	a.addEnvironments()
	a.addTags()
	a.addLinks()
	a.addDependencies()
	definitions := make([]feature.Definition, 0, len(a.definitions))
	for _, name := range slices.Sorted(maps.Keys(a.definitions)) {
		definitions = append(definitions, *a.definitions[name])
	}
	return definitions
}

func (a *assembly) addFeatures() {
	var twice, homeless []string
	for _, f := range a.document.Features {
		if a.definitions[f.Name] != nil {
			twice = append(twice, f.Name)
			continue
		}
		d := &feature.Definition{
			Name: f.Name, Description: f.Description, Type: cmp.Or(f.Type, feature.DefaultType), Project: cmp.Or(a.project, f.Project),
			Stale: f.Stale, ImpressionData: f.ImpressionData,
		}
		if a.document.Tags != nil {
			d.Tags = []feature.Tag{}
		}
		if a.document.Links != nil {
			d.Links = []feature.Link{}
		}
		if a.document.Dependencies != nil {
			d.Dependencies = []feature.Dependency{}
		}
		if d.Project == "" {
			homeless = append(homeless, f.Name)
		}
		a.definitions[f.Name] = d
	}
	a.report.error("The document has the following features more than once:", twice)
	a.report.error("The following features name no project; give one to import them into:", homeless)
}

// addEnvironments brings states and strategies together. A document of one environment, as Unleash's all are, goes into
// whichever environment is asked for; of one with several only the part that is asked for is taken.
func (a *assembly) addEnvironments() {
	source := a.sourceEnvironments()
	if len(source) > 1 && a.environment != "" && !slices.Contains(source, a.environment) {
		a.report.error("The document has several environments, and not this one:", []string{a.environment})
		return
	}
	// target is the environment that an entry goes to, or empty when it is not taken.
	target := func(environment string) string {
		switch {
		case a.environment != "" && (len(source) <= 1 || environment == a.environment):
			return a.environment
		case a.environment != "":
			return ""
		case environment == "" && len(source) == 1:
			return source[0]
		}
		return environment
	}
	var unknown, homeless []string
	for _, e := range a.document.Environments {
		to := target(e.Environment)
		d := a.definitions[e.Feature]
		switch {
		case d == nil:
			unknown = append(unknown, e.Feature)
		case to == "" && a.environment == "":
			homeless = append(homeless, e.Feature)
		case to != "":
			part := partOf(d, to)
			part.Enabled, part.Variants = e.Enabled, e.Variants
		}
	}
	for _, s := range a.document.Strategies {
		to := target(s.Environment)
		d := a.definitions[s.Feature]
		switch {
		case d == nil:
			unknown = append(unknown, s.Feature)
		case to == "" && a.environment == "":
			homeless = append(homeless, s.Feature)
		case to != "":
			part := partOf(d, to)
			part.Strategies = append(part.Strategies, s)
		}
	}
	for _, d := range a.definitions {
		if a.environment != "" {
			partOf(d, a.environment)
		}
		for i := range d.Environments {
			order(d.Environments[i].Strategies)
		}
	}
	a.report.error("The document has strategies or environments of features that it does not have:", unknown)
	a.report.error("The document does not say in which environment strategies of the following features are; give one to import them into:", homeless)
}

// sourceEnvironments lists the environments that the document names.
func (a *assembly) sourceEnvironments() []string {
	names := map[string]bool{}
	for _, e := range a.document.Environments {
		names[e.Environment] = true
	}
	for _, s := range a.document.Strategies {
		names[s.Environment] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// partOf returns the definition's part in an environment, which it adds if need be.
func partOf(d *feature.Definition, environment string) *feature.EnvironmentDefinition {
	for i := range d.Environments {
		if d.Environments[i].Environment == environment {
			return &d.Environments[i]
		}
	}
	d.Environments = append(d.Environments, feature.EnvironmentDefinition{Environment: environment})
	return &d.Environments[len(d.Environments)-1]
}

// order puts strategies in the order they are tried and numbers them anew where their sort order does not tell: documents
// of Unleash have none.
func order(strategies []feature.Strategy) {
	slices.SortStableFunc(strategies, func(a, b feature.Strategy) int { return cmp.Compare(a.SortOrder, b.SortOrder) })
	for i := 1; i < len(strategies); i++ {
		if strategies[i].SortOrder > strategies[i-1].SortOrder {
			continue
		}
		for j := range strategies {
			strategies[j].SortOrder = int32(j)
		}
		return
	}
}

func (a *assembly) addTags() {
	var unknown []string
	for _, t := range a.document.Tags {
		if d := a.definitions[t.Feature]; d == nil {
			unknown = append(unknown, t.Feature)
		} else if !slices.Contains(d.Tags, t.Tag) {
			d.Tags = append(d.Tags, t.Tag)
		}
	}
	a.report.error("The document has tags of features that it does not have:", unknown)
}

func (a *assembly) addLinks() {
	var unknown []string
	for _, f := range a.document.Links {
		if d := a.definitions[f.Feature]; d == nil {
			unknown = append(unknown, f.Feature)
		} else {
			d.Links = append(d.Links, f.Links...)
		}
	}
	a.report.error("The document has links of features that it does not have:", unknown)
}

func (a *assembly) addDependencies() {
	var unknown []string
	for _, f := range a.document.Dependencies {
		if d := a.definitions[f.Feature]; d == nil {
			unknown = append(unknown, f.Feature)
		} else {
			d.Dependencies = append(d.Dependencies, f.Parents...)
		}
	}
	a.report.error("The document has dependencies of features that it does not have:", unknown)
}

// error adds an error about items, if there are any.
func (r *Report) error(message string, items []string) { r.Errors = note(r.Errors, message, items) }

// warn adds a warning about items, if there are any.
func (r *Report) warn(message string, items []string) { r.Warnings = note(r.Warnings, message, items) }

func note(list []Item, message string, items []string) []Item {
	if len(items) == 0 {
		return list
	}
	items = slices.Clone(items)
	slices.Sort(items)
	return append(list, Item{Message: message, AffectedItems: slices.Compact(items)})
}
