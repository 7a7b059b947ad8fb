package proxy

import (
	"context"
	"crypto/sha256"
	"maps"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// Keys are client keys of the legacy proxy's kind: any text, compared exactly. It implements api.Tokens. Keys are looked
// up by their hash, so that how long it takes tells nothing of them.
type Keys struct {
	known map[[sha256.Size]byte]*token.Token
}

// NewKeys gives each key the token, whose scope it then sees. Empty keys are left out.
func NewKeys(keys []string, scope *token.Token) *Keys {
	k := &Keys{known: make(map[[sha256.Size]byte]*token.Token, len(keys))}
	for _, key := range keys {
		if key != "" {
			k.known[sha256.Sum256([]byte(key))] = scope
		}
	}
	return k
}

// With returns the keys of both.
func (k *Keys) With(others *Keys) *Keys {
	both := &Keys{known: maps.Clone(k.known)}
	maps.Copy(both.known, others.known)
	return both
}

// Token implements api.Tokens.
func (k *Keys) Token(_ context.Context, key string) (*token.Token, error) {
	if known := k.known[sha256.Sum256([]byte(key))]; known != nil {
		return known, nil
	}
	return nil, fault.New(fault.Unauthenticated, "The key is not known.")
}

// OfKind returns those of tokens that are of one kind; the others are not known. The word Bearer may come before a secret.
func OfKind(tokens api.Tokens, kind token.Kind) api.Tokens {
	return ofKind{tokens, kind}
}

type ofKind struct {
	api.Tokens

	kind token.Kind
}

// Token implements api.Tokens.
func (t ofKind) Token(ctx context.Context, secret string) (*token.Token, error) {
	known, err := t.Tokens.Token(ctx, token.FromHeader(secret))
	if err == nil && known.Kind != t.kind {
		return nil, fault.New(fault.Unauthenticated, "The token is of another kind.")
	}
	return known, err
}
