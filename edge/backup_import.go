package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pennonhq/pennon/token"
)

// The files of Unleash Edge's backup.
const (
	importedFeatures = "unleash_features.json" // [["<environment>", <as GET /client/features answers>], …]
	importedTokens   = "unleash_tokens.json"   // [{token, type, environment, projects, status}, …], secrets in clear
)

// imported reads the backup of Unleash Edge, if there is one. The files stay as they are.
func (f folder) imported() (*backup, error) {
	b := &backup{Environments: map[string]json.RawMessage{}}
	var pairs [][]json.RawMessage
	if _, err := f.read(importedFeatures, &pairs); err != nil {
		return nil, err
	}
	for _, pair := range pairs {
		var environment string
		if len(pair) != 2 || json.Unmarshal(pair[0], &environment) != nil {
			return nil, fmt.Errorf("read backup %s: it is not a list of environments with their flags", importedFeatures)
		}
		b.Environments[environment] = pair[1]
	}
	var tokens []struct {
		edgeTokenSchema

		Status string `json:"status"`
	}
	modified, err := f.read(importedTokens, &tokens)
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
			Environment: known.Scope.Environment, Projects: known.Scope.Projects(), ConfirmedAt: modified,
		})
	}
	if len(b.Environments) > 0 {
		f.logger.Info("taking over the backup of Unleash Edge; its file of tokens holds secrets in clear and is no longer needed",
			"environments", len(b.Environments), "tokens", len(b.Tokens), "file", importedTokens)
	}
	return b, nil
}

// read reads a file, if it is there, and tells when it was written.
func (f folder) read(name string, into any) (modified time.Time, err error) {
	path := filepath.Join(f.path, name)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read backup: %w", err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return time.Time{}, fmt.Errorf("read backup %s: %w", name, err)
	}
	if info, err := os.Stat(path); err == nil {
		modified = info.ModTime()
	}
	return modified, nil
}
