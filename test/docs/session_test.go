//go:build unix

package docs

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a step of a page may take, and how long its processes may live on.
const patience = 60 * time.Second

// session is the shell that a page is followed in.
type session struct {
	t        *testing.T
	folder   string
	env      []string
	there    *strings.Replacer // from the page's addresses to the test's
	back     *strings.Replacer // and back
	input    io.WriteCloser
	output   *bufio.Reader
	commands int
	programs map[string]string // what runs instead of a container, by a part of its image's name
}

// newSession starts a shell in an empty folder. Places are the page's, with those of the test; programs are what there is
// besides the system's, by name.
func newSession(t *testing.T, places map[string]string, programs map[string]string) *session {
	t.Helper()
	s := &session{t: t, folder: t.TempDir(), programs: programs}
	var there, back []string
	for page, here := range places {
		there, back = append(there, page, here), append(back, here, page)
	}
	s.there, s.back = strings.NewReplacer(there...), strings.NewReplacer(back...)
	tools := t.TempDir()
	shim, err := filepath.Abs(filepath.Join("testdata", "docker"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(shim, filepath.Join(tools, "docker")))
	for name, path := range programs {
		require.NoError(t, os.Symlink(path, filepath.Join(tools, name)))
	}
	s.env = []string{
		"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + s.folder, "TMPDIR=" + os.TempDir(), "LC_ALL=C.UTF-8",
		"CONTAINERS=" + t.TempDir(),
	}
	shell := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc")
	shell.Dir, shell.Env = s.folder, s.env
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that all it has started can be ended
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	s.input, err = shell.StdinPipe()
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	shell.Stdout, shell.Stderr = write, write
	require.NoError(t, shell.Start())
	require.NoError(t, write.Close())
	s.output = bufio.NewReader(read)
	t.Cleanup(func() {
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGTERM)
		_ = s.input.Close()
		_, _ = io.Copy(io.Discard, s.output) // until the last of them is gone
		_ = shell.Wait()
		_ = read.Close()
	})
	require.NoError(t, read.SetReadDeadline(time.Now().Add(4*patience)))
	return s
}

// run types the text and returns what came until the shell was done with it, as the page would show it, and the status of
// the last command.
func (s *session) run(text string) (output, status string) {
	s.t.Helper()
	s.commands++
	name, mark := fmt.Sprintf(".step-%d", s.commands), fmt.Sprintf("--- done with %d: ", s.commands)
	s.write(name, text)
	_, err := fmt.Fprintf(s.input, ". ./%s\nprintf '\\n%s%%s\\n' \"$?\"\n", name, mark)
	require.NoError(s.t, err)
	var read strings.Builder
	for {
		line, err := s.output.ReadString('\n')
		require.NoError(s.t, err, "after %q came %q", text, read.String())
		if status, done := strings.CutPrefix(line, mark); done {
			return s.back.Replace(strings.TrimSuffix(read.String(), "\n")), strings.TrimSpace(status)
		}
		read.WriteString(line)
	}
}

// write makes a file with the page's text.
func (s *session) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	require.True(s.t, filepath.IsLocal(name), name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, []byte(s.there.Replace(text)), 0o644))
}

var taken sync.Map // ports that a page has

// freePort is one that nobody listens on, and that the system gives to nobody who asks for any.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := itoa(16_000 + rand.IntN(16_000))
		if _, used := taken.LoadOrStore(port, true); used {
			continue
		}
		var config net.ListenConfig
		if listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	require.Fail(t, "no port is free")
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }

// process runs a program with no environment but env until the returned function is called, once it answers 200 at address.
func (s *session) process(where, program string, env, arguments []string, address string) (stop func()) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), program, arguments...)
	command.Dir, command.Env = s.folder, append(s.env[:len(s.env):len(s.env)], env...)
	var logged strings.Builder
	command.Stdout, command.Stderr = &logged, &logged
	require.NoError(s.t, command.Start(), where)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	deadline := time.Now().Add(patience)
	for !answers(address) {
		select {
		case err := <-ended:
			require.NoError(s.t, err, "%s: %s", where, logged.String())
			require.Fail(s.t, "it ended by itself", "%s: %s", where, logged.String())
		case <-time.After(20 * time.Millisecond):
			if time.Now().After(deadline) {
				_ = command.Process.Kill()
				require.Error(s.t, <-ended)
				require.Fail(s.t, "it did not become ready", "%s: %s", where, logged.String())
			}
		}
	}
	return func() {
		require.NoError(s.t, command.Process.Signal(syscall.SIGTERM))
		require.NoError(s.t, <-ended, "%s: %s", where, logged.String())
	}
}

func answers(address string) bool {
	response, err := http.Get(address)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
