package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/client"
)

const flexibleRollout = "flexibleRollout"

// toggle are the arguments of on and off.
type toggle struct {
	Names        []string `arg:"" name:"name" predictor:"flags" help:"Names of flags."`
	Environments []string `name:"environment" short:"e" required:"" env:"PENNON_ENVIRONMENT" predictor:"environments" help:"Environments; repeat or separate by comma."`
}

// FlagOn turns flags on.
type FlagOn struct {
	toggle
	Strategies bool `name:"with-disabled-strategies" help:"Enable strategies that are disabled as well."`
}

// Run turns flags on in environments.
func (c *FlagOn) Run(ctx context.Context, s *Session) error {
	return c.run(ctx, s, true, func(project, name, environment string) ([]byte, error) {
		answer, err := s.ToggleFeatureEnvironmentOnWithResponse(ctx, project, name, environment,
			&client.ToggleFeatureEnvironmentOnParams{ShouldActivateDisabledStrategies: given(c.Strategies)})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	})
}

// FlagOff turns flags off.
type FlagOff struct{ toggle }

// Run turns flags off in environments.
func (c *FlagOff) Run(ctx context.Context, s *Session) error {
	return c.run(ctx, s, false, func(project, name, environment string) ([]byte, error) {
		answer, err := s.ToggleFeatureEnvironmentOffWithResponse(ctx, project, name, environment)
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	})
}

func (c *toggle) run(ctx context.Context, s *Session, on bool, change func(project, name, environment string) ([]byte, error)) error {
	return s.eachFlag(ctx, c.Names, false, func(project, name string) error {
		for _, environment := range c.Environments {
			body, err := change(project, name, environment)
			if err != nil {
				return s.environmentError(ctx, environment, err)
			}
			if err := s.say(body, "%s is %s in %s", name, onOff(on), environment); err != nil {
				return err
			}
		}
		return nil
	})
}

// FlagRollout rolls a flag out.
type FlagRollout struct {
	Name        string `arg:"" predictor:"flags" help:"Name of the flag."`
	Percent     int    `arg:"" help:"Percentage, 0 to 100."`
	Environment string `name:"environment" short:"e" required:"" env:"PENNON_ENVIRONMENT" predictor:"environments" help:"The environment."`
	Stickiness  string `name:"stickiness" help:"Who keeps the same answer: userId, sessionId, random, default or a context field; as it is when left out."`
	Strategy    string `name:"strategy" placeholder:"ID" help:"Which strategy, when the flag has several of this kind."`
	On          bool   `name:"on" help:"Turn the flag on as well."`
}

// Run changes the flag's flexibleRollout strategy, or adds one when it has none.
func (c *FlagRollout) Run(ctx context.Context, s *Session) error {
	if c.Percent < 0 || c.Percent > 100 {
		return fmt.Errorf("%d is no percentage: give a number from 0 to 100", c.Percent)
	}
	project, err := s.projectOf(ctx, c.Name, false)
	if err != nil {
		return err
	}
	strategies, err := s.GetFeatureStrategiesWithResponse(ctx, project, c.Name, c.Environment)
	if err != nil {
		return s.environmentError(ctx, c.Environment, err)
	}
	current, others, err := c.choose(*strategies.JSON200)
	if err != nil {
		return err
	}
	body, err := c.change(ctx, s, project, current)
	if err != nil {
		return err
	}
	if c.On {
		if _, err := s.ToggleFeatureEnvironmentOnWithResponse(ctx, project, c.Name, c.Environment, nil); err != nil {
			return err
		}
	}
	environment, err := s.GetFeatureEnvironmentWithResponse(ctx, project, c.Name, c.Environment)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s is rolled out to %d%% in %s", c.Name, c.Percent, c.Environment)
	if !environment.JSON200.Enabled {
		text += fmt.Sprintf(", and off there: 'pennon flags on %s -e %s' turns it on", c.Name, c.Environment)
	}
	if others > 0 {
		text += fmt.Sprintf("\nother strategies there decide as well who gets it (%d): 'pennon flags get %s' shows them", others, c.Name)
	}
	return s.say(body, "%s", text)
}

// choose finds the strategy to be changed; nil when one is to be added. Others is how many further ones are enabled.
func (c *FlagRollout) choose(strategies []client.FeatureStrategySchema) (current *client.FeatureStrategySchema, others int, err error) {
	var candidates []string
	for i, strategy := range strategies {
		if !strategy.Disabled {
			others++
		}
		if strategy.Name != flexibleRollout || (c.Strategy != "" && c.Strategy != strategy.ID) {
			continue
		}
		current = &strategies[i]
		candidates = append(candidates, "  "+strategy.ID+"  "+describeStrategy(strategy))
	}
	switch {
	case len(candidates) > 1:
		return nil, 0, fmt.Errorf("%s has several rollouts in %s; choose one with --strategy:\n%s", c.Name, c.Environment, strings.Join(candidates, "\n"))
	case current == nil && c.Strategy != "":
		return nil, 0, fmt.Errorf("%s has no rollout with the id %s in %s", c.Name, c.Strategy, c.Environment)
	case current != nil && current.Disabled:
		return nil, 0, errors.New("its rollout is disabled; enable it with 'pennon flags on --with-disabled-strategies'")
	case current != nil:
		others--
	}
	return current, others, nil
}

func (c *FlagRollout) change(ctx context.Context, s *Session, project string, current *client.FeatureStrategySchema) ([]byte, error) {
	percent := strconv.Itoa(c.Percent)
	if current == nil {
		parameters := map[string]string{"rollout": percent, "stickiness": or(&c.Stickiness, "default"), "groupId": c.Name}
		answer, err := s.AddFeatureStrategyWithResponse(ctx, project, c.Name, c.Environment,
			client.CreateFeatureStrategySchema{Name: flexibleRollout, Parameters: &parameters})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}
	changes := []client.PatchSchema{{Op: client.PatchSchemaOpAdd, Path: "/parameters/rollout", Value: percent}}
	if c.Stickiness != "" {
		changes = append(changes, client.PatchSchema{Op: client.PatchSchemaOpAdd, Path: "/parameters/stickiness", Value: c.Stickiness})
	}
	answer, err := s.PatchFeatureStrategyWithResponse(ctx, project, c.Name, c.Environment, current.ID, changes)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}
