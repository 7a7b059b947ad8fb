package db

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// flags are loaded flags by name. Archived ones and those of archived projects are not among them.
type flags struct {
	byName map[string]*flag
}

// flag is one flag as it is in all environments.
type flag struct {
	shared       replica.Feature // what is the same everywhere
	environments []flagEnvironment
}

// flagEnvironment is what a flag has of its own in an environment.
type flagEnvironment struct {
	name       string
	enabled    bool
	variants   []eval.Variant
	strategies []eval.Strategy
	disabled   int // strategies that are switched off
}

// loadFlags reads the named flags and ends the transaction. What also queues is read in the same round trip.
func (f *follower) loadFlags(ctx context.Context, conn *pgx.Conn, names []string, also ...func(*pgx.Batch)) (*flags, error) {
	loaded := &flags{byName: make(map[string]*flag, len(names))}
	rows := &flagRows{follower: f, flags: loaded}
	for first := true; first || len(names) > 0; first = false {
		chunk := names[:min(loadChunk, len(names))]
		names = names[len(chunk):]
		var batch pgx.Batch
		if len(chunk) > 0 {
			rows.queue(&batch, chunk)
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
	}
	return loaded, nil
}

// part is the flag's part for an environment, which is made when there is none.
func (f *flag) part(environment string) *flagEnvironment {
	for i := range f.environments {
		if f.environments[i].name == environment {
			return &f.environments[i]
		}
	}
	f.environments = append(f.environments, flagEnvironment{name: environment})
	return &f.environments[len(f.environments)-1]
}

// in is the state of a flag in an environment, nil when SDKs must not see it. The result is never changed again.
func (l *flags) in(name, environment string) *replica.Feature {
	flag := l.byName[name]
	if flag == nil {
		return nil
	}
	feature := flag.shared
	feature.Strategies, feature.Variants = []eval.Strategy{}, []eval.Variant{}
	i := slices.IndexFunc(flag.environments, func(part flagEnvironment) bool { return part.name == environment })
	if i < 0 {
		return &feature
	}
	part := &flag.environments[i]
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
