package ticket_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/ticket"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte{7}, 32)
	plain := []byte(`{"secret":"*:development.abc"}`)

	t.Run("OpenWhatAnotherNodeSealed", func(t *testing.T) {
		t.Parallel()
		opened, ok := ticket.New(secret).Open("stream", ticket.New(secret).Seal("stream", plain))
		require.True(t, ok)
		require.Equal(t, plain, opened)
	})

	t.Run("SealTheSameTheSameWay", func(t *testing.T) {
		t.Parallel()
		keys := ticket.New(secret)
		first, second := keys.Seal("stream", plain), ticket.New(secret).Seal("stream", plain)
		require.Equal(t, first, second)
		require.NotEqual(t, keys.Seal("stream", plain), keys.Seal("stream", append([]byte(" "), plain...)))
	})

	t.Run("ShowNothingOfWhatTheySeal", func(t *testing.T) {
		t.Parallel()
		require.NotContains(t, ticket.New(secret).Seal("stream", plain), "development")
	})

	t.Run("OpenNothingElse", func(t *testing.T) {
		t.Parallel()
		keys := ticket.New(secret)
		sealed := keys.Seal("stream", plain)
		for at := range len(sealed) - 1 {
			forged := []byte(sealed)
			forged[at] ^= 1
			_, ok := keys.Open("stream", string(forged))
			require.False(t, ok, at)
		}
		for _, text := range []string{"", "a", "!", sealed[:20], sealed + "AAAA"} {
			_, ok := keys.Open("stream", text)
			require.False(t, ok, text)
		}
		_, ok := keys.Open("another purpose", sealed)
		require.False(t, ok)
	})

	t.Run("ForgetTheSecretThatIsReplaced", func(t *testing.T) {
		t.Parallel()
		keys := ticket.New(secret)
		sealed, name := keys.Seal("stream", plain), keys.Fingerprint()
		keys.Set(bytes.Repeat([]byte{8}, 32))
		_, ok := keys.Open("stream", sealed)
		require.False(t, ok)
		require.NotEqual(t, name, keys.Fingerprint())
	})
}
