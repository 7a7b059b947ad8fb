package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const (
	backupName    = "pennon-edge.json"
	backupVersion = 1

	// backupDelay gathers changes into one write.
	backupDelay = time.Second

	// maxEarlier is after what time without the upstream's word a token of an earlier run is forgotten.
	maxEarlier = 30 * 24 * time.Hour
)

// errNewerBackup stops the start: going on would replace what a newer program can still read.
var errNewerBackup = errors.New("a newer version of this program has written it; give another folder or remove it")

// backup is what an edge keeps for the next start: the flags it held and which tokens it knew. Secrets are kept by their
// hash: they can be recognised, and not be read.
type backup struct {
	Version      int                        `json:"version"`
	SavedAt      time.Time                  `json:"savedAt"`
	Environments map[string]json.RawMessage `json:"environments"` // as GET /client/features answers
	Tokens       []savedToken               `json:"tokens"`
}

type savedToken struct {
	Hash        string     `json:"hash"` // SHA-256 of the secret, base64
	Kind        token.Kind `json:"kind"`
	Environment string     `json:"environment"`
	Projects    []string   `json:"projects"`
	ConfirmedAt time.Time  `json:"confirmedAt"`
}

// folder is where backups are kept.
type folder struct {
	path   string
	logger *slog.Logger
}

// load reads the backup, or what Unleash Edge has left in its place; an empty one if there is neither.
func (f folder) load() (*backup, error) {
	content, err := os.ReadFile(filepath.Join(f.path, backupName))
	if errors.Is(err, fs.ErrNotExist) {
		return f.imported()
	}
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	var b backup
	if err := json.Unmarshal(content, &b); err != nil {
		return nil, fmt.Errorf("read backup %s: %w", backupName, err)
	}
	if b.Version > backupVersion {
		return nil, fmt.Errorf("read backup %s of version %d: %w", backupName, b.Version, errNewerBackup)
	}
	return &b, nil
}

// save replaces the backup. It is whole at any moment: whoever reads sees the old one or the new one.
func (f folder) save(b *backup) (err error) {
	b.Version, b.SavedAt = backupVersion, time.Now().UTC()
	content, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	file, err := os.CreateTemp(f.path, backupName+".*.tmp") // only the owner may read it
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(f.path, backupName))
	}
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if directory, err := os.Open(f.path); err == nil { // makes the new name last; not all systems know how
		_ = directory.Sync()
		_ = directory.Close()
	}
	return nil
}

// prepare makes the folder, and fails if nothing can be written there.
func (f folder) prepare() error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	probe, err := os.CreateTemp(f.path, backupName+".*.tmp")
	if err != nil {
		return fmt.Errorf("backup folder: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
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
	for _, environment := range store.Environments() {
		if _, loaded := upstream.Brings(environment); !loaded {
			continue
		}
		if state := store.State(environment); state != nil {
			scope := token.NewScope(environment, token.All)
			b.Environments[environment] = state.Features(replica.FeaturesQuery{Query: replica.Query{Scope: scope}}).Plain()
		}
	}
	tokens.each(func(sum hash, known *knownToken) { b.Tokens = append(b.Tokens, saved(sum, known)) })
	return b
}

func saved(sum hash, known *knownToken) savedToken {
	return savedToken{
		Hash: base64.StdEncoding.EncodeToString(sum[:]), Kind: known.Kind,
		Environment: known.Scope.Environment, Projects: known.Scope.Projects(), ConfirmedAt: known.confirmedAt.UTC(),
	}
}
