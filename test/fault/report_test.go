//go:build unix

package fault

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the table in the report stands between.
const (
	tableBegins = "<!-- faults: written by make faults -->\n"
	tableEnds   = "<!-- end of faults -->\n"
)

var noted = struct {
	mu    sync.Mutex
	times map[string]time.Duration // mu; by fault and way
}{times: map[string]time.Duration{}}

func note(fault, way string, took time.Duration) {
	noted.mu.Lock()
	defer noted.mu.Unlock()
	noted.times[fault+" | "+way] = took
}

// publish writes the table of convergence times, if that is asked for and all of them are there.
func publish(t *testing.T) {
	t.Helper()
	if *report == "" || t.Failed() {
		return
	}
	var table strings.Builder
	table.WriteString("\n| fault | link | streaming | polling every 0.1 s |\n|---|---|---|---|\n")
	for _, f := range faults {
		fmt.Fprintf(&table, "| %s |", f.name)
		for _, way := range []string{"link", "streaming", "polling"} {
			took, known := noted.times[f.name+" | "+way]
			require.True(t, known, "%s, %s", f.name, way)
			fmt.Fprintf(&table, " %.1f s |", took.Seconds())
		}
		table.WriteString("\n")
	}
	content, err := os.ReadFile(*report)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), tableBegins)
	require.True(t, found)
	_, after, found := strings.Cut(rest, tableEnds)
	require.True(t, found)
	require.NoError(t, os.WriteFile(*report, []byte(before+tableBegins+table.String()+"\n"+tableEnds+after), 0o644))
}
