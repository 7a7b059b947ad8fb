package edge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/replica"
)

// backupDelay gathers changes into one write.
const backupDelay = time.Second

// keeper reads the backup at the start, and keeps it up to date. Without a storage it does nothing.
type keeper struct {
	storage  storage.Storage // nil: nothing is kept
	store    *replica.Store
	upstream *Upstream
	tokens   *Tokens
	logger   *slog.Logger

	earlier *backup
	changed chan struct{} // holds one when there is something to keep
}

func newKeeper(config Config, store *replica.Store, upstream *Upstream, tokens *Tokens) *keeper {
	k := &keeper{
		store: store, upstream: upstream, tokens: tokens, logger: config.Logger.With("component", "backup"),
		earlier: &backup{}, changed: make(chan struct{}, 1),
	}
	if config.BackupFolder != "" {
		k.storage = storage.NewFolder(config.BackupFolder)
	}
	store.OnChange(func([]string) { k.soon() })
	return k
}

// flags of an environment from an earlier run; nil if there are none.
func (k *keeper) flags(environment string) []byte { return k.earlier.Environments[environment] }

// load reads the backup and makes its tokens known.
func (k *keeper) load(ctx context.Context) error {
	if k.storage == nil {
		return nil
	}
	if err := k.storage.Prepare(ctx); err != nil {
		return err
	}
	earlier, err := k.readAll(ctx)
	if errors.Is(err, errNewerBackup) {
		return err
	}
	if err != nil { // the upstream has it all
		k.logger.Error("going on without the backup", "err", err)
		return nil
	}
	k.earlier = earlier
	k.earlier.recall(k.tokens, time.Now())
	return nil
}

// readAll reads the backup, or what Unleash Edge has left in its place; an empty one if there is neither.
func (k *keeper) readAll(ctx context.Context) (*backup, error) {
	content, _, err := k.storage.Load(ctx, storage.Backup)
	if errors.Is(err, fs.ErrNotExist) {
		return k.imported(ctx)
	}
	if err != nil {
		return nil, err
	}
	b, err := decodeBackup(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.storage.Spell(storage.Backup), err)
	}
	return b, nil
}

// save replaces the backup.
func (k *keeper) save(ctx context.Context) error {
	content, err := gather(k.earlier, k.store, k.upstream, k.tokens).encode()
	if err != nil {
		return err
	}
	return k.storage.Save(ctx, content)
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
	daily := time.NewTicker(24 * time.Hour) // tells that the tokens were confirmed lately
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.changed:
		case <-daily.C:
		}
		timer := time.NewTimer(backupDelay)
		select {
		case <-ctx.Done(): // now, as it is the last time
		case <-timer.C:
		}
		timer.Stop()
		if err := k.save(context.WithoutCancel(ctx)); err != nil {
			k.logger.Error("the backup is not up to date", "err", err)
			if ctx.Err() == nil {
				k.later(ctx)
			}
		}
	}
}

// later tries again after a while.
func (k *keeper) later(ctx context.Context) {
	timer := time.NewTimer(jittered(backoffMax))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	k.soon()
}
