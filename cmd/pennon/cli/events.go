package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pennonhq/pennon/client"
)

// followInterval is how often the log is asked for more.
const followInterval = time.Second

// Events shows the event log.
type Events struct {
	Connection

	Query       string `arg:"" optional:"" help:"A part of the event's type, names or data."`
	Follow      bool   `name:"follow" help:"Print events as they happen, until interrupted."`
	Flag        string `name:"flag" predictor:"flags" help:"Events of this flag."`
	Project     string `name:"project" short:"p" predictor:"projects" help:"Events of this project."`
	Environment string `name:"environment" short:"e" predictor:"environments" help:"Events in this environment."`
	Type        string `name:"type" short:"t" help:"Events of this type, for example feature-created."`
	Limit       int32  `name:"limit" default:"20" help:"How many of the latest."`
}

// Run prints the latest events, newest first, or follows them, oldest first. Followed, JSON is one event a line.
func (c *Events) Run(ctx context.Context, s *Session) error {
	params := client.SearchEventsParams{Query: given(c.Query), Limit: given(c.Limit), Environment: given(c.Environment)}
	for field, value := range map[**string]string{&params.Feature: c.Flag, &params.Project: c.Project, &params.Type: c.Type} {
		if value != "" {
			*field = given("IS:" + value)
		}
	}
	if c.Follow {
		return c.follow(ctx, s, params)
	}
	answer, err := s.SearchEventsWithResponse(ctx, &params)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error {
		t := newTable(out, "WHEN", "WHAT", "FLAG", "PROJECT", "ENVIRONMENT", "BY")
		for _, event := range answer.JSON200.Events {
			t.row(moment(event.CreatedAt), event.Type, or(event.FeatureName, "-"), or(event.Project, "-"), or(event.Environment, "-"), event.CreatedBy)
		}
		return t.flush()
	})
}

func (c *Events) follow(ctx context.Context, s *Session, params client.SearchEventsParams) error {
	params.After, params.Limit = given("now"), given(int32(100))
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		answer, err := s.SearchEventsWithResponse(ctx, &params)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (*params.After == "now" || ExitCode(err) != ExitUnreachable):
			return err
		case err != nil:
			_, _ = fmt.Fprintf(s.Err, "%v; trying again\n", err)
		default:
			for _, event := range answer.JSON200.Events {
				if err := c.write(s, event); err != nil {
					return err
				}
			}
			params.After = answer.JSON200.Next
			if len(answer.JSON200.Events) > 0 {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Events) write(s *Session, event client.EventSchema) error {
	if s.json {
		return s.line(event)
	}
	var about []string
	for _, part := range []*string{event.FeatureName, event.Environment, event.Project} {
		if text := or(part, ""); text != "" {
			about = append(about, text)
		}
	}
	_, err := fmt.Fprintf(s.Out, "%s  %-34s %s  by %s\n", moment(event.CreatedAt), event.Type, clean(strings.Join(about, " / ")), clean(event.CreatedBy))
	return err
}
