package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const (
	// backupDelay gathers changes into one write.
	backupDelay = time.Second

	// loadPatience is how long a start waits for its backup.
	loadPatience = 5 * time.Second

	// savePatience is how long one attempt to write it may take, and lastPatience how long the edge waits for that when it
	// stops: what is missed is what has changed in the last moments, and the upstream has that.
	savePatience = 30 * time.Second
	lastPatience = 3 * time.Second
)

// keeper reads the backup at the start, and keeps it up to date. Without a storage it does nothing.
//
// A storage that cannot be reached stops nothing. Reading is tried again until it works, because what comes late is better
// than nothing while the upstream is down; and nothing is written before: an edge that has not seen the backup may hold less
// than it.
type keeper struct {
	storage  storage.Storage // nil: nothing is kept
	store    *replica.Store
	upstream *Upstream
	tokens   *Tokens
	usage    *pipeline
	logger   *slog.Logger
	startup  map[hash]bool // tokens that are asked with from the start
	dynamic  bool          // others follow

	earlier atomic.Pointer[backup]
	loaded  bool          // the backup was read, or there is none; belongs to load, then to run
	changed chan struct{} // holds one when there is something to keep
}

func newKeeper(config Config, store *replica.Store, upstream *Upstream, tokens *Tokens, usage *pipeline) (*keeper, error) {
	k := &keeper{
		store: store, upstream: upstream, tokens: tokens, usage: usage, logger: config.Logger.With("component", "backup"),
		changed: make(chan struct{}, 1), startup: map[hash]bool{}, dynamic: config.Dynamic,
	}
	for _, secret := range config.Tokens {
		k.startup[token.Hash(secret)] = true
	}
	k.earlier.Store(&backup{})
	if config.Storage == nil {
		return k, nil
	}
	var err error
	k.storage, err = config.Storage(config.owner())
	if err == nil {
		store.OnChange(func([]string) { k.soon() })
	}
	return k, err
}

// owner names the backup in a storage that several edges share. Those that ask the same server with the same tokens under
// the same name hold the same flags: they have one backup, which the last of them has written as a whole. Others cannot
// touch it.
func (c Config) owner() string {
	tokens := slices.Clone(c.Tokens)
	slices.Sort(tokens)
	sum := sha256.Sum256([]byte(strings.Join(append([]string{"pennon edge backup", c.URL, c.AppName}, slices.Compact(tokens)...), "\n")))
	return hex.EncodeToString(sum[:8])
}

// flags of an environment from an earlier run; nil if there are none.
func (k *keeper) flags(environment string) []byte { return k.earlier.Load().Environments[environment] }

func ownBackup(version int) storage.Object {
	return storage.Object{Kind: storage.Backup, Version: version}
}

// load reads the backup at the start. Only what cannot get better by itself is an error.
func (k *keeper) load(ctx context.Context) error {
	if k.storage == nil {
		return nil
	}
	if err := k.storage.Prepare(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	err := k.recall(ctx)
	switch {
	case errors.Is(err, errNewerBackup):
		return err
	case err != nil:
		k.logger.Error("the backup cannot be read; going on without it, and trying again", "err", err)
		return nil
	}
	earlier, err := k.earlier.Load().position(func(sum hash) bool { return k.startup[sum] }, k.dynamic)
	if err != nil {
		k.logger.Error("clients of the earlier run have to start over", "err", err)
		return nil
	}
	k.upstream.resume(earlier)
	return nil
}

// recall reads the backup and makes its tokens and flags known. What came from the upstream before counts more.
func (k *keeper) recall(ctx context.Context) error {
	earlier, err := k.read(ctx)
	if errors.Is(err, errBrokenBackup) {
		k.logger.Error("the backup is broken; going on without it, and replacing it", "err", err)
		earlier, err = &backup{}, nil
	}
	if err != nil {
		return err
	}
	k.loaded = true
	k.earlier.Store(earlier)
	earlier.recall(k.tokens, time.Now())
	k.usage.restore(earlier.Usage)
	return nil
}

// read reads the backup, or what Unleash Edge has left in its place; an empty one if there is neither.
func (k *keeper) read(ctx context.Context) (*backup, error) {
	for version := backupVersion; version > 0; version-- {
		content, _, err := k.storage.Load(ctx, ownBackup(version))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b, err := decodeBackup(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.storage.Spell(ownBackup(version)), err)
		}
		return b, nil
	}
	return k.imported(ctx)
}

// save replaces the backup.
func (k *keeper) save(ctx context.Context) error {
	b := gather(k.earlier.Load(), k.store, k.upstream, k.tokens)
	b.Usage = k.usage.saved()
	content, err := b.encode()
	if err != nil {
		return err
	}
	return k.storage.Save(ctx, ownBackup(backupVersion), content)
}

func (k *keeper) soon() {
	select {
	case k.changed <- struct{}{}:
	default: // it will be
	}
}

// run writes the backup soon after each change and at the end, until ctx is done.
func (k *keeper) run(ctx context.Context) error {
	if k.storage == nil {
		return nil
	}
	defer func() { _ = k.storage.Close() }()
	if !k.reload(ctx) {
		return nil
	}
	daily := time.NewTicker(24 * time.Hour) // tells that the tokens were confirmed lately, and renews what ends by itself
	defer daily.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			k.last(ctx)
			return nil
		case <-k.changed:
		case <-daily.C:
		}
		wait := backupDelay
		if failures > 0 {
			wait = doubled(backoffFirst, backoffMax, failures)
		}
		pause(ctx, wait)
		err := within(ctx, savePatience, k.save)
		switch {
		case err != nil:
			k.soon()
			if failures++; ctx.Err() == nil {
				k.logger.Error("the backup is not up to date", "err", err, "failures", failures)
			}
		case failures > 0:
			failures = 0
			k.logger.Info("the backup is up to date again")
		}
	}
}

// last writes what has changed since the last time, when the edge stops.
func (k *keeper) last(ctx context.Context) {
	<-k.usage.ended // at most lastFlush
	if len(k.usage.left()) > 0 {
		k.soon()
	}
	select {
	case <-k.changed:
	default:
		return
	}
	if err := within(context.WithoutCancel(ctx), lastPatience, k.save); err != nil {
		k.logger.Error("the backup is not up to date", "err", err)
		return
	}
	k.usage.kept.Store(true)
}

// reload reads the backup if the start could not. It reports whether it was read.
func (k *keeper) reload(ctx context.Context) bool {
	for failures := 0; !k.loaded; failures++ {
		if !pause(ctx, doubled(backoffFirst, backoffMax, failures)) {
			return false
		}
		err := within(ctx, savePatience, k.recall)
		switch {
		case err == nil:
			k.logger.Info("the backup can be read again")
			k.upstream.restore(ctx, k.flags)
		case errors.Is(err, errNewerBackup):
			k.logger.Error("nothing is kept for the next start", "err", err)
			return false
		default:
			k.logger.Debug("the backup cannot be read", "err", err)
		}
	}
	return true
}

func within(ctx context.Context, patience time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return do(ctx)
}

// pause waits, and reports whether ctx is not done.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
