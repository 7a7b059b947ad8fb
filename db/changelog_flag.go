package db

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
)

// flags are loaded flags by name. Archived ones and those of archived projects are not among them.
type flags struct {
	byName map[string]*flag
}

// flag is one flag as it is in all environments.
type flag struct {
	shared       replica.Feature // what is the same everywhere
	environments map[string]*flagEnvironment
}

// flagEnvironment is what a flag has of its own in an environment.
type flagEnvironment struct {
	enabled    bool
	variants   []eval.Variant
	strategies []eval.Strategy
	disabled   int // strategies that are switched off
}

// flagRows are the rows that make up some flags.
type flagRows struct {
	features     []queries.ChangeLogFeaturesRow
	environments []queries.ChangeLogFeatureEnvironmentsRow
	strategies   []queries.ChangeLogStrategiesRow
	dependencies []queries.FeatureDependency
	tags         []queries.ChangeLogTagsRow
}

// loadFlags reads the named flags and ends the transaction. What also queues is read in the same round trip.
func (f *follower) loadFlags(ctx context.Context, conn *pgx.Conn, names []string, also ...func(*pgx.Batch)) (*flags, error) {
	loaded := &flags{byName: make(map[string]*flag, len(names))}
	for first := true; first || len(names) > 0; first = false {
		chunk := names[:min(loadChunk, len(names))]
		names = names[len(chunk):]
		var batch pgx.Batch
		var rows flagRows
		if len(chunk) > 0 {
			queue(&batch, &rows.features, queries.ChangeLogFeatures, chunk)
			queue(&batch, &rows.environments, queries.ChangeLogFeatureEnvironments, chunk)
			queue(&batch, &rows.strategies, queries.ChangeLogStrategies, chunk)
			queue(&batch, &rows.dependencies, queries.ChangeLogDependencies, chunk)
			queue(&batch, &rows.tags, queries.ChangeLogTags, chunk)
		}
		if first {
			for _, add := range also {
				add(&batch)
			}
		}
		if len(names) == 0 {
			queueCommit(&batch)
		}
		timeout := loadTimeout + time.Duration(len(chunk))*time.Millisecond
		if err := send(ctx, conn, &batch, timeout); err != nil {
			return nil, err
		}
		f.assemble(loaded, rows)
	}
	return loaded, nil
}

// assemble makes flags of rows.
func (f *follower) assemble(loaded *flags, rows flagRows) {
	for _, row := range rows.features {
		loaded.byName[row.Name] = &flag{
			shared: replica.Feature{Feature: eval.Feature{
				Name:           row.Name,
				Type:           row.Type,
				Project:        row.Project,
				Stale:          row.Stale,
				Description:    row.Description,
				ImpressionData: row.ImpressionData,
			}},
			environments: map[string]*flagEnvironment{},
		}
	}
	for _, row := range rows.environments {
		if at := loaded.at(row.Feature, row.Environment); at != nil {
			at.enabled = row.Enabled
			at.variants = f.decodeVariants(row.Variants, "feature", row.Feature, "environment", row.Environment)
		}
	}
	for _, row := range rows.strategies {
		at := loaded.at(row.Feature, row.Environment)
		switch {
		case at == nil:
		case row.Disabled:
			at.disabled++
		default:
			at.strategies = append(at.strategies, f.decodeStrategy(row))
		}
	}
	for _, row := range rows.dependencies {
		if flag := loaded.byName[row.Child]; flag != nil {
			flag.shared.Dependencies = append(flag.shared.Dependencies, decodeDependency(row))
		}
	}
	for _, row := range rows.tags {
		if flag := loaded.byName[row.Feature]; flag != nil {
			flag.shared.Tags = append(flag.shared.Tags, replica.Tag{Type: row.Type, Value: row.Value})
		}
	}
}

// at is the flag's part for an environment, nil when the flag was not loaded.
func (l *flags) at(name, environment string) *flagEnvironment {
	flag := l.byName[name]
	if flag == nil {
		return nil
	}
	part := flag.environments[environment]
	if part == nil {
		part = &flagEnvironment{}
		flag.environments[environment] = part
	}
	return part
}

// in is the state of a flag in an environment, nil when SDKs must not see it. The result is never changed again.
func (l *flags) in(name, environment string) *replica.Feature {
	flag := l.byName[name]
	if flag == nil {
		return nil
	}
	feature := flag.shared
	feature.Strategies, feature.Variants = []eval.Strategy{}, []eval.Variant{}
	part := flag.environments[environment]
	if part == nil {
		return &feature
	}
	// To SDKs a flag that is on and has no strategies is on for everybody. That must not be what comes of switching off
	// its last strategy.
	feature.Enabled = part.enabled && (len(part.strategies) > 0 || part.disabled == 0)
	if len(part.strategies) > 0 {
		feature.Strategies = slices.Clip(part.strategies)
	}
	if len(part.variants) > 0 {
		feature.Variants = part.variants
	}
	return &feature
}

// environment is the state of the named flags in an environment.
func (l *flags) environment(environment string, names []string) []replica.Feature {
	features := make([]replica.Feature, 0, len(names))
	for _, name := range names {
		if feature := l.in(name, environment); feature != nil {
			features = append(features, *feature)
		}
	}
	return features
}
