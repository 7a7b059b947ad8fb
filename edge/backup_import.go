package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/token"
)

// What Unleash Edge has left.
var (
	foreignFeatures = storage.Object{Kind: storage.ImportedFeatures}
	foreignTokens   = storage.Object{Kind: storage.ImportedTokens}
)

// imported reads the backup of Unleash Edge, if there is one: [["<environment>", <as GET /client/features answers>], …] and
// [{token, type, environment, projects, status}, …] with secrets in clear. Both stay as they are.
func (k *keeper) imported(ctx context.Context) (*backup, error) {
	b := &backup{Environments: map[string]json.RawMessage{}}
	var pairs [][]json.RawMessage
	if _, err := k.decode(ctx, foreignFeatures, &pairs); err != nil {
		return nil, err
	}
	for _, pair := range pairs {
		var environment string
		if len(pair) != 2 || json.Unmarshal(pair[0], &environment) != nil {
			return nil, fmt.Errorf("%s: %w: it is not a list of environments with their flags", k.storage.Spell(foreignFeatures), errBrokenBackup)
		}
		b.Environments[environment] = pair[1]
	}
	var tokens []struct {
		edgeTokenSchema

		Status string `json:"status"`
	}
	written, err := k.decode(ctx, foreignTokens, &tokens)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		known := t.token()
		if known == nil || t.Status != "Validated" {
			continue
		}
		sum := token.Hash(t.Token)
		b.Tokens = append(b.Tokens, savedToken{
			Hash: base64.StdEncoding.EncodeToString(sum[:]), Kind: known.Kind,
			Environment: known.Scope.Environment, Projects: known.Scope.Projects(), ConfirmedAt: written,
		})
	}
	if len(b.Environments) > 0 {
		k.logger.Info("taking over the backup of Unleash Edge; what it has kept of tokens holds secrets in clear and is no longer needed",
			"environments", len(b.Environments), "tokens", len(b.Tokens), "secrets", k.storage.Spell(foreignTokens))
	}
	return b, nil
}

// decode reads an object, if it is there, and tells when it was written: now, where that is not known.
func (k *keeper) decode(ctx context.Context, object storage.Object, into any) (written time.Time, err error) {
	content, written, err := k.storage.Load(ctx, object)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return time.Time{}, fmt.Errorf("%s: %w: %w", k.storage.Spell(object), errBrokenBackup, err)
	}
	if written.IsZero() {
		written = time.Now()
	}
	return written, nil
}
