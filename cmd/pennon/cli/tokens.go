package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pennonhq/pennon/client"
)

// Tokens are the commands on API tokens.
type Tokens struct {
	Connection

	List   TokenList   `cmd:"" default:"withargs" help:"List tokens."`
	Get    TokenGet    `cmd:"" help:"Show the tokens with a name."`
	Create TokenCreate `cmd:"" help:"Create a token and print its secret."`
	Update TokenUpdate `cmd:"" help:"Change until when tokens are valid."`
	Delete TokenDelete `cmd:"" aliases:"revoke" help:"Revoke tokens. Streams that use them end at once."`
}

// TokenList lists tokens.
type TokenList struct {
	Secrets bool `name:"secrets" help:"Show secrets whole."`
}

// Run lists tokens.
func (c *TokenList) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetAllAPITokensWithResponse(ctx)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error { return writeTokens(out, answer.JSON200.Tokens, c.Secrets) })
}

func writeTokens(out io.Writer, tokens []client.APITokenSchema, secrets bool) error {
	t := newTable(out, "NAME", "TYPE", "ENVIRONMENT", "PROJECTS", "CREATED", "EXPIRES", "LAST SEEN", "SECRET")
	for _, token := range tokens {
		secret := or(token.Secret, "not kept")
		if start, rest, found := strings.Cut(secret, "."); found && !secrets {
			secret = start + "." + rest[:min(4, len(rest)/4)] + "…"
		}
		t.row(token.TokenName, string(token.Type), token.Environment, strings.Join(token.Projects, ","), moment(token.CreatedAt),
			momentOr(token.ExpiresAt, "never"), momentOr(token.SeenAt, "never"), secret)
	}
	return t.flush()
}

// TokenGet shows tokens.
type TokenGet struct {
	Name    string `arg:"" predictor:"tokens" help:"Name of the token, or of several."`
	Secrets bool   `name:"secrets" help:"Show secrets whole."`
}

// Run shows the tokens with a name.
func (c *TokenGet) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetAPITokensByNameWithResponse(ctx, c.Name)
	if err != nil {
		return err
	}
	if len(answer.JSON200.Tokens) == 0 {
		return missing(ctx, "token", c.Name, s.tokenNames)
	}
	return s.show(answer.Body, func(out io.Writer) error { return writeTokens(out, answer.JSON200.Tokens, c.Secrets) })
}

// TokenCreate creates a token.
type TokenCreate struct {
	Name        string        `arg:"" help:"What the token is called."`
	Kind        string        `name:"type" short:"t" default:"client" enum:"client,backend,frontend" help:"client (or backend, the same) for servers, frontend for browsers and apps. Admin tokens come from 'pennon token'."`
	Environment string        `name:"environment" short:"e" required:"" env:"PENNON_ENVIRONMENT" predictor:"environments" help:"The environment it sees."`
	Projects    []string      `name:"project" short:"p" default:"*" predictor:"projects" help:"The projects it sees; repeat or separate by comma; * for all."`
	Expires     time.Duration `name:"expires-in" help:"How long it is valid; for ever by default."`
}

// Run creates a token and prints nothing but its secret, for scripts to keep.
func (c *TokenCreate) Run(ctx context.Context, s *Session) error {
	body := client.CreateAPITokenSchema{TokenName: c.Name, Type: c.Kind, Environment: &c.Environment, Projects: &c.Projects}
	if c.Expires > 0 {
		body.ExpiresAt = given(time.Now().Add(c.Expires))
	}
	answer, err := s.CreateAPITokenWithResponse(ctx, body)
	if err != nil {
		return s.environmentError(ctx, c.Environment, err)
	}
	return s.say(answer.Body, "%s", or(answer.JSON201.Secret, "the secret was not kept"))
}

// TokenUpdate changes tokens.
type TokenUpdate struct {
	Name    string        `arg:"" predictor:"tokens" help:"Name or secret of the token."`
	Expires time.Duration `name:"expires-in" required:"" help:"How long it is valid from now on."`
}

// Run changes until when the tokens with a name are valid.
func (c *TokenUpdate) Run(ctx context.Context, s *Session) error {
	until := time.Now().Add(c.Expires)
	return s.eachToken(ctx, c.Name, func(token client.APITokenSchema, secret string) error {
		answer, err := s.UpdateAPITokenWithResponse(ctx, secret, client.UpdateAPITokenSchema{ExpiresAt: &until})
		if err != nil {
			return err
		}
		return s.say(answer.Body, "%s is valid until %s", token.TokenName, moment(until))
	})
}

// TokenDelete revokes tokens.
type TokenDelete struct {
	Names []string `arg:"" name:"name" predictor:"tokens" help:"Names or secrets of tokens."`
}

// Run revokes every token with one of the names.
func (c *TokenDelete) Run(ctx context.Context, s *Session) error {
	for _, name := range c.Names {
		err := s.eachToken(ctx, name, func(token client.APITokenSchema, secret string) error {
			answer, err := s.DeleteAPITokenWithResponse(ctx, secret)
			if err != nil {
				return err
			}
			return s.say(answer.Body, "revoked %s (%s, %s)", token.TokenName, token.Type, token.Environment)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachToken changes every token with a name, or the one with a secret.
func (s *Session) eachToken(ctx context.Context, name string, change func(token client.APITokenSchema, secret string) error) error {
	answer, err := s.GetAllAPITokensWithResponse(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, token := range answer.JSON200.Tokens {
		secret := or(token.Secret, "")
		if token.TokenName != name && secret != name {
			continue
		}
		if found = true; secret == "" {
			return fmt.Errorf("the secret of %s was not kept, and only a secret names a token to the API: use 'pennon token revoke' on the database", name)
		}
		if err := change(token, secret); err != nil {
			return err
		}
	}
	if !found {
		return missing(ctx, "token", name, s.tokenNames)
	}
	return nil
}

func (s *Session) tokenNames(ctx context.Context) ([]string, error) {
	answer, err := s.GetAllAPITokensWithResponse(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, token := range answer.JSON200.Tokens {
		names = append(names, token.TokenName)
	}
	return names, nil
}
