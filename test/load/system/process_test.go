package system

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// serveVariable makes the test binary a small server on the address it holds, the program the tests start.
const serveVariable = "SYSTEM_TEST_SERVE"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveVariable); addr != "" {
		server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/burn" {
				for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
				}
			}
		})}
		if err := server.ListenAndServe(); err != nil {
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}

func TestProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	path, err := os.Executable()
	require.NoError(t, err)
	addr, err := FreeAddr()
	require.NoError(t, err)
	p, err := Start(Command{Name: "server", Path: path, Env: []string{serveVariable + "=" + addr}, Addr: addr, Log: t.TempDir()})
	require.NoError(t, err)
	defer p.Stop()

	require.NoError(t, p.Ready(ctx, "/"))
	require.Positive(t, p.Started)
	require.NoError(t, p.Alive())

	before, err := p.CPU()
	require.NoError(t, err)
	require.NoError(t, p.Ready(ctx, "/burn"))
	after, err := p.CPU()
	require.NoError(t, err)
	require.Greater(t, after-before, 10*time.Millisecond)

	memory, err := p.Memory()
	require.NoError(t, err)
	require.Greater(t, memory, int64(1<<20))

	p.Stop()
	require.Error(t, p.Alive())
}

func TestReadyTellsWhyAProgramEnded(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	p, err := Start(Command{
		Name: "broken", Path: shell, Args: []string{"-c", "echo no database >&2; exit 3"}, Addr: "127.0.0.1:1", Log: t.TempDir(),
	})
	require.NoError(t, err)
	defer p.Stop()
	err = p.Ready(t.Context(), "/")
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "no database")
}

func TestParseResident(t *testing.T) {
	t.Parallel()
	n, err := parseMemory("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t    2048 kB\nThreads:\t1\n", "VmRSS")
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, n)
	_, err = parseMemory("Name:\tx\n", "VmRSS")
	require.Error(t, err)
}
