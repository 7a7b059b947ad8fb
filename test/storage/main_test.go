// Package storage tests where edges keep their backups against the real thing: Redis servers, and a server that speaks S3 and
// checks signatures.
package storage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// await asks until it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for !so() {
		select {
		case <-ticker.C:
		case <-deadline:
			require.FailNow(t, "it has not come about")
		}
	}
}
