// Package expression turns custom activation strategies, written as expressions, into rules that package eval can use.
//
// A strategy is a name and an expression over the context of whoever asks and the parameters that a flag gives the
// strategy:
//
//	context.properties.tenant in split(parameters.tenants, ",") && context.userId != ""
//
// The language is that of github.com/expr-lang/expr. Google's CEL, which reads alike, was weighed: its libraries make the
// program 8 MiB larger and every server's resident memory 6.6 MiB, expr's 0.7 MiB each. Expressions are compiled and
// type-checked once, read nothing but their input, and are bounded in size and in what they may build. One that fails
// counts as false. The package does no I/O but reading its file; it imports eval.
package expression

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"

	"github.com/pennonhq/pennon/eval"
)

const (
	// maxNodes bounds the size of an expression.
	maxNodes = 1000
	// memoryBudget bounds how many values one evaluation may build.
	memoryBudget = 10_000
)

// functions are what expressions may call: pure ones, whose cost grows with their input alone.
var functions = []string{
	"len", "trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "indexOf", "hasPrefix", "hasSuffix",
	"int", "float", "string", "abs", "ceil", "floor", "round", "min", "max", "any", "all", "none", "one", "get", "keys", "values",
}

// Strategy is a custom activation strategy.
type Strategy struct {
	Name       string `yaml:"name"`
	Expression string `yaml:"expression"`
}

// input is what an expression sees.
type input struct {
	Context    visible           `expr:"context"`
	Parameters map[string]string `expr:"parameters"`
}

// visible is the part of a context that an expression sees. Fields that are absent are empty text.
type visible struct {
	UserID        string            `expr:"userId"`
	SessionID     string            `expr:"sessionId"`
	RemoteAddress string            `expr:"remoteAddress"`
	Environment   string            `expr:"environment"`
	AppName       string            `expr:"appName"`
	CurrentTime   string            `expr:"currentTime"` // RFC 3339; empty if the context does not say
	Properties    map[string]string `expr:"properties"`
}

// Load reads strategies from a file: a list of names and expressions, in YAML or JSON.
func Load(path string, logger *slog.Logger) (eval.Strategies, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read custom strategies: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var strategies []Strategy
	if err := decoder.Decode(&strategies); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read custom strategies from %s: %w", path, err)
	}
	return Compile(strategies, logger)
}

// Compile checks strategies and makes them ready for evaluation. The logger is told once of each strategy whose
// expression fails for a context.
func Compile(strategies []Strategy, logger *slog.Logger) (eval.Strategies, error) {
	compiled := make(eval.Strategies, len(strategies))
	options := []expr.Option{expr.Env(input{}), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins()}
	for _, name := range functions {
		options = append(options, expr.EnableBuiltin(name))
	}
	for i, s := range strategies {
		switch _, double := compiled[s.Name]; {
		case s.Name == "":
			return nil, fmt.Errorf("custom strategy %d has no name", i+1)
		case s.Expression == "":
			return nil, fmt.Errorf("custom strategy %q has no expression", s.Name)
		case double:
			return nil, fmt.Errorf("there are two custom strategies %q", s.Name)
		case eval.Standard(s.Name):
			return nil, fmt.Errorf("custom strategy %q has the name of a built-in one", s.Name)
		}
		program, err := expr.Compile(s.Expression, options...)
		if err != nil {
			return nil, fmt.Errorf("custom strategy %q: %w", s.Name, err)
		}
		compiled[s.Name] = (&rule{name: s.Name, program: program, logger: logger.With("component", "expression")}).with
	}
	return compiled, nil
}

// rule is a compiled strategy.
type rule struct {
	name    string
	program *vm.Program
	logger  *slog.Logger
	failed  sync.Once
}

// machines are reused: one holds a stack.
var machines = sync.Pool{New: func() any { return &vm.VM{MemoryBudget: memoryBudget} }}

// with gives the rule the parameters of a flag.
func (r *rule) with(parameters map[string]string) eval.Rule {
	if parameters == nil {
		parameters = map[string]string{}
	}
	return func(ctx *eval.Context) bool {
		in := input{Parameters: parameters, Context: visible{
			UserID: ctx.UserID, SessionID: ctx.SessionID, RemoteAddress: ctx.RemoteAddress,
			Environment: ctx.Environment, AppName: ctx.AppName, Properties: ctx.Properties,
		}}
		if !ctx.CurrentTime.IsZero() {
			in.Context.CurrentTime = ctx.CurrentTime.UTC().Format(time.RFC3339Nano)
		}
		machine := machines.Get().(*vm.VM)
		answer, err := machine.Run(r.program, in)
		machines.Put(machine)
		if err != nil {
			r.failed.Do(func() {
				r.logger.Warn("a custom strategy has failed and counts as false; told once", "strategy", r.name, "err", err)
			})
			return false
		}
		on, _ := answer.(bool)
		return on
	}
}
