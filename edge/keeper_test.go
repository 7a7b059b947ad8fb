package edge

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/replica"
)

// vault is a storage whose troubles a test decides on.
type vault struct {
	mu      sync.Mutex
	content map[storage.Object][]byte // mu
	trouble error                     // mu
	hangs   bool                      // mu
	saves   int                       // mu
	closed  bool                      // mu
}

func newVault() *vault { return &vault{content: map[storage.Object][]byte{}} }

func (v *vault) set(hangs bool, trouble error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hangs, v.trouble = hangs, trouble
}

func (v *vault) begin(ctx context.Context) error {
	v.mu.Lock()
	hangs, trouble := v.hangs, v.trouble
	v.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return trouble
}

func (v *vault) Prepare(context.Context) error { return nil }

func (v *vault) Load(ctx context.Context, object storage.Object) ([]byte, time.Time, error) {
	if err := v.begin(ctx); err != nil {
		return nil, time.Time{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	content, ok := v.content[object]
	if !ok {
		return nil, time.Time{}, fs.ErrNotExist
	}
	return bytes.Clone(content), time.Time{}, nil
}

func (v *vault) Save(ctx context.Context, object storage.Object, content []byte) error {
	if err := v.begin(ctx); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.content[object] = content
	v.saves++
	return nil
}

func (v *vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	return nil
}

func (v *vault) Spell(storage.Object) string { return "vault" }

func (v *vault) saved() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.saves
}

// keeping is a keeper that runs in synctest's time.
type keeping struct {
	*keeper

	cancel context.CancelFunc
	done   chan struct{}
}

func newKeeping(t *testing.T, v *vault) *keeping {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	upstream, err := NewUpstream(UpstreamConfig{URL: "http://upstream", Open: true, Transport: newFake()})
	require.NoError(t, err)
	tokens := newTokens(nil, quiet)
	config := Config{Storage: func(string) (storage.Storage, error) { return v, nil }, Surface: Surface{Logger: quiet}}
	usage := newPipeline(config, upstream, tokens)
	close(usage.ended)
	k, err := newKeeper(config, replica.NewStore(quiet), upstream, tokens, usage)
	require.NoError(t, err)
	return &keeping{keeper: k, done: make(chan struct{})}
}

func (k *keeping) start(t *testing.T) {
	t.Helper()
	require.NoError(t, k.load(t.Context()))
	var ctx context.Context
	ctx, k.cancel = context.WithCancel(t.Context())
	go func() {
		defer close(k.done)
		_ = k.run(ctx)
	}()
}

func (k *keeping) stop() {
	k.cancel()
	<-k.done
}

func TestAStorageInTroubleStopsNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")

	t.Run("OneThatHangsDelaysStartAndStopALittle", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v, began := newVault(), time.Now()
			v.set(true, nil)
			k := newKeeping(t, v)
			k.start(t)
			require.Equal(t, loadPatience, time.Since(began))
			advance(time.Minute)
			k.soon()
			began = time.Now()
			k.stop()
			require.Zero(t, time.Since(began))
			require.True(t, v.closed)

			v.set(false, nil)
			k = newKeeping(t, v)
			k.start(t)
			v.set(true, nil)
			k.soon()
			advance(5 * time.Second)
			began = time.Now()
			k.stop()
			require.LessOrEqual(t, time.Since(began), lastPatience)
			require.Zero(t, v.saved())
		})
	})

	t.Run("NothingIsWrittenBeforeItWasRead", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newVault()
			before := []byte(`{"version":1,"environments":{"production":` + features(flag("a", true)) + `}}`)
			v.content[ownBackup(1)] = before
			v.set(false, broken)
			k := newKeeping(t, v)
			k.start(t)
			k.soon()
			advance(time.Minute)
			require.Nil(t, k.flags("production"))
			v.set(false, nil)
			advance(2 * backoffMax)
			require.NotNil(t, k.flags("production"))
			require.Equal(t, 1, v.saved())
			k.stop()
		})
	})

	t.Run("WritesAreTriedAgainUntilTheyWork", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newVault()
			k := newKeeping(t, v)
			k.start(t)
			v.set(false, broken)
			k.soon()
			advance(time.Hour)
			v.set(false, nil)
			advance(2 * backoffMax)
			require.Equal(t, 1, v.saved())
			advance(25 * time.Hour)
			require.Equal(t, 2, v.saved(), "once a day, so that what ends by itself does not")
			k.stop()
			require.Equal(t, 2, v.saved(), "nothing has changed")
		})
	})
}

func TestEdgesShareAnObjectIfTheyCanTakeEachOthersPlace(t *testing.T) {
	t.Parallel()
	config := Config{URL: "http://a/api", Tokens: []string{"x", "y"}, AppName: "edge"}
	same := config
	same.Tokens, same.InstanceID = []string{"y", "x", "x"}, "another"
	require.Equal(t, config.owner(), same.owner())
	for name, change := range map[string]func(*Config){
		"Server": func(c *Config) { c.URL = "http://b/api" },
		"Tokens": func(c *Config) { c.Tokens = []string{"x"} },
		"Name":   func(c *Config) { c.AppName = "other" },
	} {
		other := config
		change(&other)
		require.NotEqual(t, config.owner(), other.owner(), name)
	}
}
