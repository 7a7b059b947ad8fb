// Package token knows the text form and the scope of API tokens.
//
// A token's secret reads `<project>:<environment>.<random>`, where project is a project id, `*` for all projects or `[]`
// for several (the list is then known to the server only); admin tokens read `*:*.<random>` and personal ones
// `user:<random>`. Legacy secrets of any other form are looked up as they are. The package is pure: it looks nothing up.
// Every package may import it; it imports only the standard library.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Kind says which API a token opens.
type Kind string

// The kinds of token. Client is what Unleash calls "backend" since version 7 and "client" before.
const (
	Client   Kind = "client"
	Frontend Kind = "frontend"
	Admin    Kind = "admin"
)

// All is the project name that stands for every project.
const All = "*"

// randomBytes is how many random bytes a secret carries, as Unleash's do.
const randomBytes = 28

// Token is a known, valid token. It is immutable and safe to share.
type Token struct {
	ID        string // stable and not secret: what revocation names and logs may show
	Name      string
	Kind      Kind
	Scope     Scope
	ExpiresAt time.Time // zero: never
}

// Expired reports whether the token is no longer valid at now.
func (t *Token) Expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// Scope is what a token can see: some projects in one environment. Admin tokens have no environment. The zero Scope sees
// nothing. Make one with NewScope; a Scope is immutable and safe to share.
type Scope struct {
	Environment string

	projects []string // sorted, unique; [All] alone for every project
	key      string
}

// NewScope makes a scope. Any All among projects makes it see every project; no projects, none.
func NewScope(environment string, projects ...string) Scope {
	sorted := slices.Clone(projects)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if slices.Contains(sorted, All) {
		sorted = []string{All}
	}
	return Scope{
		Environment: environment,
		projects:    sorted,
		key:         environment + "\x00" + strings.Join(sorted, "\x00"),
	}
}

// Projects returns the projects in order, or [All]. The caller must not change the slice.
func (s Scope) Projects() []string { return s.projects }

// AllProjects reports whether the scope sees every project.
func (s Scope) AllProjects() bool { return len(s.projects) == 1 && s.projects[0] == All }

// Sees reports whether project is visible.
func (s Scope) Sees(project string) bool {
	if s.AllProjects() {
		return true
	}
	_, found := slices.BinarySearch(s.projects, project)
	return found
}

// Key identifies the scope: two scopes with the same key see the same. It is not for display.
func (s Scope) Key() string { return s.key }

// Hash is what a secret is stored and looked up by. Secrets are random, so a plain SHA-256 is enough.
func Hash(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// New draws a secret for a token of that kind and scope.
func New(kind Kind, scope Scope) string {
	random := make([]byte, randomBytes)
	_, _ = rand.Read(random) // never fails (crypto/rand, Go 1.24)
	return prefix(kind, scope) + hex.EncodeToString(random)
}

func prefix(kind Kind, scope Scope) string {
	switch {
	case kind == Admin:
		return "*:*."
	case len(scope.projects) == 1:
		return scope.projects[0] + ":" + scope.Environment + "."
	default:
		return "[]:" + scope.Environment + "."
	}
}

// Parts are what a secret's text says of itself. The server's own record decides; the text is a hint.
type Parts struct {
	Project     string // a project id, "*" or "[]"
	Environment string // an environment name or "*"
}

// Parse splits a secret of the form `<project>:<environment>.<random>`. Secrets of other forms are legal (legacy keys,
// personal tokens) and give ok false.
func Parse(secret string) (parts Parts, ok bool) {
	project, rest, found := strings.Cut(secret, ":")
	if !found || project == "" {
		return Parts{}, false
	}
	environment, random, found := strings.Cut(rest, ".")
	if !found || environment == "" || random == "" {
		return Parts{}, false
	}
	return Parts{Project: project, Environment: environment}, true
}

// Redact shortens a secret for logs: its scope and the first characters of the random part.
func Redact(secret string) string {
	const shown = 4
	head := 0
	if i := strings.IndexByte(secret, '.'); i >= 0 {
		head = i + 1
	} else if i := strings.IndexByte(secret, ':'); i >= 0 {
		head = i + 1
	}
	if len(secret)-head <= 2*shown {
		return secret[:head] + "…"
	}
	return secret[:head+shown] + "…"
}

// FromHeader takes the secret out of an Authorization header, which may carry a Bearer prefix in any case.
func FromHeader(value string) string {
	value = strings.TrimSpace(value)
	if len(value) > 7 && strings.EqualFold(value[:6], "bearer") && (value[6] == ' ' || value[6] == '\t') {
		return strings.TrimSpace(value[7:])
	}
	return value
}
