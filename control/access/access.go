// Package access knows who is acting and what they may do.
//
// The API puts the Actor into the context; Require is asked by the API for each operation, and by control functions where
// the permission depends on what the request holds. The package reads no database. It imports fault only; every control
// package may import it.
package access

import (
	"context"
	"slices"

	"github.com/pennonhq/pennon/fault"
)

// Ids of actors that are no users, as Unleash gives them in events.
const (
	SystemUserID     int32 = -1337
	AdminTokenUserID int32 = -42
)

// Grant is a permission with its reach. An empty Project or Environment means all of them.
type Grant struct {
	Permission  Permission
	Project     string
	Environment string
}

// Actor is who is acting, with a name that is never empty. The zero Actor is nobody and may do nothing. It is immutable once in a context.
type Actor struct {
	Name      string
	UserID    *int32
	IP        string
	RequestID string
	Grants    []Grant
}

// System is the actor of what the server does by itself, such as creating the tokens of its configuration.
func System() Actor {
	id := SystemUserID
	return Actor{Name: "unleash_system_user", UserID: &id, Grants: []Grant{{Permission: Admin}}}
}

// May reports whether the actor has one of the permissions that p names, for project and environment. An empty project
// or environment asks for a permission on the whole instance.
func (a Actor) May(p Permission, project, environment string) bool {
	if a.Name == "" {
		return false
	}
	names := p.Names()
	for _, g := range a.Grants {
		if g.Permission == Admin {
			return true
		}
		if slices.Contains(names, string(g.Permission)) &&
			(g.Project == "" || g.Project == project) && (g.Environment == "" || g.Environment == environment) {
			return true
		}
	}
	return len(names) == 0
}

type actorKey struct{}

// WithActor gives ctx its actor.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the actor of ctx, or the zero Actor, which has no name, when there is none.
func ActorFrom(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	return actor
}

// Require fails unless the actor of ctx has permission for project and environment (see Actor.May): with
// fault.Unauthenticated when there is no actor, else with fault.Denied naming what was missing.
func Require(ctx context.Context, permission Permission, project, environment string) error {
	actor := ActorFrom(ctx)
	if actor.Name == "" {
		return fault.New(fault.Unauthenticated, "You must log in to use Unleash.")
	}
	if !actor.May(permission, project, environment) {
		return fault.MissingPermission(permission.Names()...)
	}
	return nil
}
