package link_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
)

func TestRowsOfTheLogAreWrittenAsPairs(t *testing.T) {
	t.Parallel()
	rows := []link.LogRow{{Revision: 119, Mark: 0xaabbccdd}, {Revision: 120, Mark: 1}}
	written, err := json.Marshal(rows)
	require.NoError(t, err)
	require.JSONEq(t, `[[119,"aabbccdd"],[120,"00000001"]]`, string(written))

	var read []link.LogRow
	require.NoError(t, json.Unmarshal(written, &read))
	require.Equal(t, rows, read)
	for _, bad := range []string{`[[1]]`, `[["a","00000001"]]`, `[[1,"xyz"]]`, `[[1,2]]`, `[{}]`} {
		require.Error(t, json.Unmarshal([]byte(bad), &read), bad)
	}
}
