package apitoken

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// initialName is what tokens of the configuration are called, as in Unleash.
const initialName = "admin"

// Initial holds the tokens that must exist according to the configuration. Make one with ParseInitial.
type Initial struct {
	tokens []initialToken
}

type initialToken struct {
	kind   token.Kind
	scope  token.Scope
	secret string
}

// ParseInitial reads the comma separated secrets of INIT_ADMIN_API_TOKENS, INIT_BACKEND_API_TOKENS and
// INIT_FRONTEND_API_TOKENS. Text that is no token is an error; the error does not show it.
func ParseInitial(admin, backend, frontend string) (Initial, error) {
	var initial Initial
	kinds := map[string]token.Kind{}
	for _, list := range []struct {
		kind token.Kind
		text string
	}{{token.Admin, admin}, {token.Client, backend}, {token.Frontend, frontend}} {
		for i, secret := range strings.Split(list.text, ",") {
			secret = strings.TrimSpace(secret)
			if secret == "" {
				continue
			}
			parsed, err := parseInitial(list.kind, secret)
			if err != nil {
				return Initial{}, fmt.Errorf("%s token %d of the configuration (%s): %w", list.kind, i+1, token.Redact(secret), err)
			}
			if other, ok := kinds[secret]; ok && other != list.kind {
				return Initial{}, fmt.Errorf("token %s of the configuration is both a %s and a %s token", token.Redact(secret), other, list.kind)
			} else if ok {
				continue
			}
			kinds[secret] = list.kind
			initial.tokens = append(initial.tokens, parsed)
		}
	}
	// Servers that start together create them in one order, so that none waits for the other in a circle.
	slices.SortFunc(initial.tokens, func(a, b initialToken) int { return cmp.Compare(a.secret, b.secret) })
	return initial, nil
}

func parseInitial(kind token.Kind, secret string) (initialToken, error) {
	parts, ok := token.Parse(secret)
	if !ok {
		return initialToken{}, fault.New(fault.Invalid, "a token reads <project>:<environment>.<secret>")
	}
	if kind == token.Admin && (parts.Project != token.All || parts.Environment != token.All) {
		return initialToken{}, fault.New(fault.Invalid, "an admin token reads *:*.<secret>")
	}
	if parts.Project == "[]" {
		return initialToken{}, fault.New(fault.Invalid, "the text of a token for several projects does not say for which")
	}
	if err := checkWildcards(kind, parts.Environment); err != nil {
		return initialToken{}, err
	}
	return initialToken{kind: kind, scope: token.NewScope(parts.Environment, parts.Project), secret: secret}, nil
}

// Ensure creates those tokens that do not exist. It is run on every start and by every server, also at the same time.
// Tokens for an environment or a project that does not exist are left out with a warning: deleting either must not keep
// servers from starting.
func Ensure(ctx context.Context, tx pgx.Tx, initial Initial, logger *slog.Logger) error {
	ctx = access.WithActor(ctx, access.System())
	for _, t := range initial.tokens {
		n := New{Name: initialName, Kind: t.kind, Environment: t.scope.Environment, Projects: t.scope.Projects()}
		existing, err := find(ctx, tx, t.secret)
		if err != nil {
			return err
		}
		if existing != nil {
			if token.Kind(existing.Kind) != t.kind {
				logger.WarnContext(ctx, "token of the configuration exists with another type", "component", "apitoken",
					"token", token.Redact(t.secret), "configured", t.kind, "stored", existing.Kind)
			}
			continue
		}
		scope, err := checkScope(ctx, tx, &n)
		if fault.Is(err, fault.Invalid) {
			logger.WarnContext(ctx, "token of the configuration left out", "component", "apitoken",
				"token", token.Redact(t.secret), "err", err)
			continue
		}
		if err != nil {
			return err
		}
		_, created, err := insert(ctx, tx, n, scope, t.secret)
		if err != nil {
			return err
		}
		if created {
			logger.InfoContext(ctx, "token of the configuration created", "component", "apitoken", "token", token.Redact(t.secret))
		}
	}
	return nil
}
