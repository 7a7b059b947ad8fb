//go:build unix

package fault

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a server or an edge: a process of its own on a port that it keeps.
type process struct {
	t       *testing.T
	name    string
	role    role
	log     *os.File
	down    atomic.Bool // clients cannot expect answers
	command *exec.Cmd   // nil: not running
	input   interface{ Close() error }
	ended   chan error
}

// newProcess prepares one, and starts nothing.
func newProcess(t *testing.T, name string, r role) *process {
	t.Helper()
	r.Port = freePort(t)
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	require.NoError(t, err)
	p := &process{t: t, name: name, role: r, log: log}
	p.down.Store(true)
	t.Cleanup(func() {
		if p.command != nil {
			p.signal(syscall.SIGCONT)
			p.kill()
		}
		if t.Failed() {
			p.tell()
		}
		require.NoError(t, log.Close())
	})
	return p
}

// tell shows the end of what the process has logged.
func (p *process) tell() {
	text, _ := os.ReadFile(p.log.Name())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	p.t.Logf("%s:\n%s", p.name, strings.Join(lines[max(0, len(lines)-60):], "\n"))
}

func (p *process) address() string { return "127.0.0.1:" + strconv.Itoa(p.role.Port) }

func (p *process) url() string { return "http://" + p.address() }

// start runs it; await waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	text, err := json.Marshal(p.role)
	require.NoError(p.t, err)
	p.command = exec.Command(os.Args[0])
	p.command.Env = append(os.Environ(), roleVariable+"="+string(text))
	p.command.Stdout, p.command.Stderr = p.log, p.log
	p.input, err = p.command.StdinPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, p.command.Start())
	p.ended = make(chan error, 1)
	command, ended := p.command, p.ended
	go func() { ended <- command.Wait() }()
}

// await waits until the process answers that it is ready, and clients can expect answers again.
func (p *process) await() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		response, err := http.Get(p.url() + "/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, patience, pollInterval, p.name)
	p.down.Store(false)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(s), p.name)
}

// kill ends it as the kernel does when memory is short.
func (p *process) kill() {
	p.t.Helper()
	p.down.Store(true)
	p.signal(syscall.SIGKILL)
	require.Error(p.t, <-p.ended, p.name)
	_ = p.input.Close()
	p.command = nil
}

// drain ends it as an orchestrator does.
func (p *process) drain() {
	p.t.Helper()
	p.down.Store(true)
	p.signal(syscall.SIGTERM)
	require.NoError(p.t, <-p.ended, p.name)
	_ = p.input.Close()
	p.command = nil
}

var taken sync.Map // ports that somebody has

// freePort is one that nobody listens on, and that the system gives to nobody who asks for any.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 16_000 + rand.IntN(16_000)
		if _, used := taken.LoadOrStore(port, true); used {
			continue
		}
		var config net.ListenConfig
		if listener, err := config.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.Fail(t, "no port is free")
	return 0
}

// wait lets time pass, which is what an outage is made of.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
