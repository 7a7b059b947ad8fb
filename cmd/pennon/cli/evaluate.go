package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pennonhq/pennon/client"
)

// FlagEvaluate evaluates a flag on the server, as SDKs do.
type FlagEvaluate struct {
	Name        string            `arg:"" predictor:"flags" help:"Name of the flag."`
	Environment string            `name:"environment" short:"e" required:"" env:"PENNON_ENVIRONMENT" predictor:"environments" help:"The environment."`
	UserID      string            `name:"user-id" short:"u" help:"Who asks."`
	SessionID   string            `name:"session-id" help:"In which session."`
	Address     string            `name:"remote-address" help:"From which IP address."`
	AppName     string            `name:"app-name" default:"pennon" help:"With which app."`
	At          *time.Time        `name:"at" help:"When (RFC 3339); now by default."`
	Context     map[string]string `name:"context" short:"c" placeholder:"FIELD=VALUE" help:"Further context fields; repeat."`
}

// Run asks the playground.
func (c *FlagEvaluate) Run(ctx context.Context, s *Session) error {
	project, err := s.projectOf(ctx, c.Name, false)
	if err != nil {
		return err
	}
	question := client.PlaygroundRequestSchema{
		Environment: c.Environment,
		Projects:    &[]string{project},
		Context: client.SdkContextSchema{
			AppName: c.AppName, UserID: given(c.UserID), SessionID: given(c.SessionID), RemoteAddress: given(c.Address),
			CurrentTime: c.At,
		},
	}
	if len(c.Context) > 0 {
		question.Context.Properties = &c.Context
	}
	answer, err := s.GetPlaygroundWithResponse(ctx, question)
	if err != nil {
		return s.environmentError(ctx, c.Environment, err)
	}
	for _, flag := range answer.JSON200.Features {
		if flag.Name == c.Name {
			body, err := json.Marshal(flag)
			if err != nil {
				return err
			}
			return s.show(body, func(out io.Writer) error { return c.write(out, flag) })
		}
	}
	return fmt.Errorf("project %s does not use the environment %s", project, c.Environment)
}

// write tells the answer and why.
func (c *FlagEvaluate) write(out io.Writer, flag client.PlaygroundFeatureSchema) error {
	answer := onOff(flag.IsEnabled)
	if flag.IsEnabled && flag.Variant.Enabled {
		answer += ", variant " + flag.Variant.Name
		if flag.Variant.Payload != nil {
			answer += " " + shorten(flag.Variant.Payload.Value, 100)
		}
	}
	_, _ = fmt.Fprintf(out, "%s is %s in %s\n", flag.Name, clean(answer), c.Environment)
	if !flag.IsEnabledInCurrentEnvironment {
		_, _ = fmt.Fprintf(out, "  the flag is off in %s\n", c.Environment)
	}
	if flag.HasUnsatisfiedDependency != nil && *flag.HasUnsatisfiedDependency {
		_, _ = fmt.Fprintln(out, "  a flag that it depends on is not as it has to be")
	}
	for _, strategy := range flag.Strategies.Data {
		if err := writeReason(out, strategy); err != nil {
			return err
		}
	}
	return nil
}

func writeReason(out io.Writer, strategy client.PlaygroundStrategySchema) error {
	result, err := outcome(strategy)
	if err != nil {
		return err
	}
	name := strategy.Name
	if strategy.Name == flexibleRollout {
		name += fmt.Sprintf(" %s%% by %s", strategy.Parameters["rollout"], or(given(strategy.Parameters["stickiness"]), "default"))
	}
	if title := or(strategy.Title, ""); title != "" {
		name = title + ": " + name
	}
	_, _ = fmt.Fprintf(out, "  %-8s %s\n", result, clean(name))
	for _, segment := range strategy.Segments {
		_, _ = fmt.Fprintf(out, "    %s segment %s\n", mark(segment.Result), clean(segment.Name))
	}
	for _, constraint := range strategy.Constraints {
		_, _ = fmt.Fprintf(out, "    %s %s\n", mark(constraint.Result),
			clean(describeConstraint(constraint.ContextName, constraint.Operator, constraint.Value, list(constraint.Values), constraint.Inverted)))
	}
	return nil
}

// outcome is yes, no, or why there is neither.
func outcome(strategy client.PlaygroundStrategySchema) (string, error) {
	if strategy.Disabled {
		return "disabled", nil
	}
	text, err := json.Marshal(strategy.Result.Enabled)
	if err != nil {
		return "", err
	}
	switch answer := strings.Trim(string(text), `"`); answer {
	case "true", "false":
		return yesNo(answer == "true"), nil
	default:
		return answer, nil // unknown: only an application can tell
	}
}

func mark(holds bool) string {
	if holds {
		return "✓"
	}
	return "✗"
}
