// Package playground reads flags as they are in the database at this moment, in the form that eval explains.
//
// Where SDKs are given a flag of the replica, the playground shows what they do not get: disabled strategies, titles and
// ids. It changes nothing. It imports queries, fault, db and eval.
package playground

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	// MaxAnswers is how many answers one request may ask for: flags times environments times contexts. Unleash has the
	// same.
	MaxAnswers = 15_000

	// MaxBytes is about how large all answers of one request may become. A flag can hold far more than most do.
	MaxBytes = 64 << 20
)

// Query says which flags are wanted, and for how much.
type Query struct {
	Environments []string // each once; one that does not exist has every flag off
	Projects     []string // nil means all; of those that do not exist there are no flags

	Strategies eval.Strategies // those that are known beyond Unleash's

	Contexts     int // each flag will be explained for so many contexts
	ContextBytes int // what repeating them all in the answers to one flag takes
}

// Flag is one of the flags asked for.
type Flag struct {
	Name    string
	Project string
}

// State is flags at one moment. It is not safe for concurrent use.
type State struct {
	// Flags are those of the projects, in order of name.
	Flags []Flag

	environments map[string]*environment
}

// environment is the flags in one environment, with the parents they depend on.
type environment struct {
	features  map[string]*eval.Feature
	stored    map[string][]Strategy // parallel to the features' strategies
	bytes     map[string]int        // about what an answer takes
	explainer *eval.Explainer
}

// Strategy is what the database holds of a strategy that is of no matter to its evaluation.
type Strategy struct {
	ID    string
	Title string
}

// Answer explains one flag in one environment for one context.
type Answer struct {
	eval.Explanation

	Flag        Flag
	Environment string

	// Feature is the flag, disabled strategies included. It must not be modified.
	Feature *eval.Feature

	// Stored is parallel to the feature's strategies.
	Stored []Strategy
}

// Explain answers for a flag in an environment of the Query.
func (s *State) Explain(flag Flag, environment string, ctx *eval.Context) Answer {
	in := s.environments[environment]
	explanation, _ := in.explainer.Explain(flag.Name, ctx)
	return Answer{
		Explanation: explanation, Flag: flag, Environment: environment,
		Feature: in.features[flag.Name], Stored: in.stored[flag.Name],
	}
}

// Beginner is a pool or a connection.
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// Read reads what query asks for, all at one moment. It fails with fault.Invalid when that would be too much.
func Read(ctx context.Context, db Beginner, query Query) (*State, error) {
	state := &State{Flags: []Flag{}, environments: map[string]*environment{}}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db, options, func(tx pgx.Tx) error { return state.load(ctx, tx, query) })
	if err != nil {
		return nil, err
	}
	return state, state.checkBytes(query)
}

// CheckAnswers fails with fault.Invalid when there are more answers than may be asked for.
func CheckAnswers(flags, environments, contexts int) error {
	// Each factor alone is far from what an int holds; their product need not be.
	if flags > MaxAnswers || environments > MaxAnswers || contexts > MaxAnswers || flags*environments*contexts > MaxAnswers {
		return fault.New(fault.Invalid,
			"That is %d flags in %d environments for %d combinations of context values: more than %d answers at once. Ask for fewer.",
			flags, environments, contexts, MaxAnswers)
	}
	return nil
}

// CheckBytes fails with fault.Invalid when the answers would become too large.
func CheckBytes(bytes int) error {
	if bytes > MaxBytes {
		return fault.New(fault.Invalid, "The answers would take more than %d MB. Ask for fewer projects, environments or context values.", MaxBytes>>20)
	}
	return nil
}

func (s *State) checkBytes(query Query) error {
	total := len(s.Flags) * len(s.environments) * query.ContextBytes
	for _, in := range s.environments {
		for _, flag := range s.Flags {
			total += query.Contexts * in.bytes[flag.Name]
		}
	}
	return CheckBytes(total)
}
