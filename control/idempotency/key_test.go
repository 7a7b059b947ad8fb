package idempotency

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKey(t *testing.T) {
	t.Parallel()
	key, err := NewKey("secret", "chosen")
	require.NoError(t, err)
	mark := key.Fingerprint([]byte("POST"), []byte("/x"))
	sealed, err := key.encrypt([]byte("answer"), mark)
	require.NoError(t, err)
	text, err := key.decrypt(sealed, mark)
	require.NoError(t, err)
	require.Equal(t, "answer", string(text))

	same, err := NewKey("secret", "chosen")
	require.NoError(t, err)
	require.Equal(t, key, same)
	require.NotEqual(t, mark, key.Fingerprint([]byte("POST/"), []byte("x")), "parts have their lengths")

	for _, other := range [][2]string{{"other", "chosen"}, {"secret", "other"}} {
		k, err := NewKey(other[0], other[1])
		require.NoError(t, err)
		require.NotEqual(t, key.id, k.id)
		require.NotEqual(t, mark, k.Fingerprint([]byte("POST"), []byte("/x")))
		_, err = k.decrypt(sealed, mark)
		require.Error(t, err)
	}
	sealed[len(sealed)-1]++
	_, err = key.decrypt(sealed, mark)
	require.Error(t, err, "what was tampered with is not given")
	_, err = key.decrypt(nil, mark)
	require.Error(t, err)
}
