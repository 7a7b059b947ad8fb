package replica

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCursorsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Cursor{
		"0": {}, "7": {7, 0}, "7-0000000a": {7, 10}, `"7-ffffffff"`: {7, 0xffffffff}, `W/"7-a"`: {7, 10}, ` "12" `: {12, 0},
		"9223372036854775807": {1<<63 - 1, 0},
	} {
		c, ok := ParseCursor(text)
		require.True(t, ok, text)
		require.Equal(t, want, c, text)
		again, ok := ParseCursor(c.String())
		require.True(t, ok)
		require.Equal(t, c, again)
	}
	for _, text := range []string{"", `""`, "*", "abc", "-1", "1-", "1-g", "1-123456789", "1-2-3", "9223372036854775808", "1.5", `"1` + "\x00"} {
		_, ok := ParseCursor(text)
		require.False(t, ok, text)
	}
}
