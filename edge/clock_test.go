package edge

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// TestAClockThatIsSetBack must not make an outage that is over last as long as the clock was wrong.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"ByHours": -3 * time.Hour, "Forward": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			away := true
			tokens := newTokens(func(_ context.Context, secrets []string) (map[string]*token.Token, error) {
				if away {
					return nil, errors.New("away")
				}
				return map[string]*token.Token{secrets[0]: {Kind: token.Client, Scope: token.NewScope("development", token.All)}}, nil
			}, slog.New(slog.DiscardHandler))
			clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			tokens.now = func() time.Time { return clock }

			_, err := tokens.Token(t.Context(), "secret")
			require.True(t, fault.Is(err, fault.Unavailable))
			away, clock = false, clock.Add(step)
			known, err := tokens.Token(t.Context(), "secret")
			require.NoError(t, err)
			require.Equal(t, token.Client, known.Kind)
		})
	}
}
