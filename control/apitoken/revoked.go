package apitoken

import "fmt"

// Reason says why streams that were opened with a token have to end.
type Reason uint8

// The reasons.
const (
	Revoked Reason = iota // the token was deleted
	Expired               // its time is over
	Changed               // it opens something else now, or cannot be checked at the moment: worth another try
)

// OnRevoked calls f with the id of each token that is deleted, expires, or comes to see something else, so that streams
// opened with it can be closed. f must not block. It is called after the cache has forgotten the token.
func (c *Cache) OnRevoked(f func(tokenID string, reason Reason)) {
	c.onRevoked = append(c.onRevoked, f)
}

// announce tells of the tokens that are valid no more or see something else.
func (c *Cache) announce(before, after *index, missing Reason) {
	now := c.now()
	for id, old := range before.byID {
		next, ok := after.byID[id]
		switch {
		case !ok:
			c.revoked(old, missing)
		case next == old || next.sees() == old.sees():
		case next.token.Expired(now):
			c.revoked(old, Expired)
		default:
			c.revoked(old, Changed)
		}
	}
}

func (c *Cache) revoked(e *entry, reason Reason) {
	for _, f := range c.onRevoked {
		f(e.token.ID, reason)
	}
}

// sees is the same for two versions of a token only when they open the same.
func (e *entry) sees() string {
	return fmt.Sprint(e.token.Kind, "\x00", e.token.ExpiresAt.UnixNano(), "\x00", e.secrets, e.token.Scope.Key())
}
