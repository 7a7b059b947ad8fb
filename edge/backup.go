package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const (
	backupVersion = 2

	// maxEarlier is after what time without the upstream's word a token of an earlier run is forgotten.
	maxEarlier = 30 * 24 * time.Hour
)

var (
	// errNewerBackup stops the start: going on would replace what a newer program can still read.
	errNewerBackup = errors.New("a newer version of this program has written it; keep this edge's elsewhere or remove it")

	// errBrokenBackup is about content that is no backup. It is replaced.
	errBrokenBackup = errors.New("it is not what an edge keeps")
)

// backup is what an edge keeps for the next start: the flags it held and which tokens it knew. Secrets are kept by their
// hash: they can be recognised, and not be read.
type backup struct {
	Version      int                        `json:"version"`
	SavedAt      time.Time                  `json:"savedAt"`
	Environments map[string]json.RawMessage `json:"environments"` // as GET /client/features answers
	Tokens       []savedToken               `json:"tokens"`

	// Since version 2: where it stood, so that only what changes since has to come, and clients resume.
	Cursor string       `json:"cursor,omitempty"` // of the link
	Scopes []savedScope `json:"scopes,omitempty"`
	Log    []savedRow   `json:"log,omitempty"` // that clients can resume from, ascending

	Usage *savedUsage `json:"usage,omitempty"`
}

type savedToken struct {
	Hash        string     `json:"hash"` // SHA-256 of the secret, base64
	Kind        token.Kind `json:"kind"`
	Environment string     `json:"environment"`
	Projects    []string   `json:"projects"`
	ConfirmedAt time.Time  `json:"confirmedAt"`
}

// decodeBackup reads what encode has written. Older versions are understood.
func decodeBackup(content []byte) (*backup, error) {
	var b backup
	if err := json.Unmarshal(content, &b); err != nil {
		return nil, fmt.Errorf("read backup: %w: %w", errBrokenBackup, err)
	}
	if b.Version > backupVersion {
		return nil, fmt.Errorf("read backup of version %d: %w", b.Version, errNewerBackup)
	}
	return &b, nil
}

// encode is the backup as it is kept.
func (b *backup) encode() ([]byte, error) {
	b.Version, b.SavedAt = backupVersion, time.Now().UTC()
	content, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("write backup: %w", err)
	}
	return content, nil
}

// recall makes the tokens of the backup known.
func (b *backup) recall(tokens *Tokens, now time.Time) {
	for _, saved := range b.Tokens {
		raw, err := base64.StdEncoding.DecodeString(saved.Hash)
		if err != nil || len(raw) != len(hash{}) || now.Sub(saved.ConfirmedAt) > maxEarlier {
			continue
		}
		sum := hash(raw)
		tokens.recall(sum, &token.Token{
			ID: hashID(sum), Name: "of an earlier run", Kind: saved.Kind, Scope: token.NewScope(saved.Environment, saved.Projects...),
		}, saved.ConfirmedAt)
	}
}

// gather makes a backup of what there is. Of environments that have not come yet, before is kept.
func gather(before *backup, store *replica.Store, upstream *Upstream, tokens *Tokens) *backup {
	b := &backup{Environments: map[string]json.RawMessage{}}
	for environment, body := range before.Environments {
		b.Environments[environment] = body
	}
	b.positions(upstream)
	b.flags(store.View(), upstream)
	tokens.each(func(sum hash, known *knownToken) { b.Tokens = append(b.Tokens, saved(sum, known)) })
	return b
}

func saved(sum hash, known *knownToken) savedToken {
	return savedToken{
		Hash: base64.StdEncoding.EncodeToString(sum[:]), Kind: known.Kind,
		Environment: known.Scope.Environment, Projects: known.Scope.Projects(), ConfirmedAt: known.confirmedAt.UTC(),
	}
}
