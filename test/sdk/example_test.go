//go:build unix

package sdk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

const frontendToken = "*:development.sdk-frontend"

// exampleFlag is the flag that every example shows.
const exampleFlag = "new-checkout"

// startShop starts a server with the flag of the examples, off, whose rules ask for a gold plan.
func startShop(t *testing.T, config ...func(*server.Config)) *running {
	t.Helper()
	return shop(t, start(t, dbtest.New(t), append(config, func(c *server.Config) {
		c.FlushInterval = 20 * time.Millisecond
		c.FrontendTokens = append(c.FrontendTokens, frontendToken)
	})...))
}

func shop(t *testing.T, r *running) *running {
	t.Helper()
	r.flag(t, exampleFlag, false, strategy{
		Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "stickiness": "default", "groupId": exampleFlag},
		Constraints: []map[string]any{{"contextName": "plan", "operator": "IN", "values": []string{"gold"}}},
		Variants:    []map[string]any{{"name": "green", "weight": 1000, "weightType": "variable", "stickiness": "default"}},
	})
	r.turn(t, exampleFlag, false)
	return r
}

// example is the folder of an example.
func example(t *testing.T, name string) string {
	t.Helper()
	scripts, err := scriptFolder(name)
	require.NoError(t, err)
	return filepath.Join(scripts, "..", "..", "..", "examples", name)
}

// cache is a folder that outlives test runs and goes with `make clean`.
func cache(t *testing.T, name string) string {
	t.Helper()
	folder := filepath.Join(filepath.Dir(filepath.Dir(example(t, name))), ".cache", name)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return folder
}

// makeOnce calls work unless it was done for the files that lie in folder now, apart from those it and others make: what
// is named in ignored.
func makeOnce(t *testing.T, folder string, ignored []string, stamp string, work func()) {
	t.Helper()
	hash := sha256.New()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(ignored, entry.Name()) && entry.IsDir():
			return filepath.SkipDir
		case entry.IsDir() || slices.Contains(ignored, entry.Name()):
			return nil
		}
		content, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	}))
	sum := hex.EncodeToString(hash.Sum(nil))
	require.NoError(t, once(filepath.Join(folder, ".make.lock"), stamp, sum, func() error { work(); return nil }))
}

// execute runs a program to its end, which must be a success.
func execute(t *testing.T, folder string, env []string, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), env...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, output)
}

// program is an example that runs.
type program struct {
	mu     sync.Mutex
	lines  []string
	change chan struct{} // closed and replaced at each line
}

// launch starts a program and follows what it prints until the test ends, when it and its children are ended.
func launch(t *testing.T, folder string, env []string, name string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), env...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = killDelay
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = command.Stdout
	require.NoError(t, command.Start())

	p := &program{change: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			p.print(scanner.Text())
		}
		_ = command.Wait() // ended by a signal, or by itself: then a line is missing
		p.print("(ended)")
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() {
			t.Log(strings.Join(p.lines, "\n"))
		}
	})
	return p
}

func (p *program) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	close(p.change)
	p.change = make(chan struct{})
}

// await waits for a line that matches pattern among the lines from number after on (0: all). It answers what the pattern's
// first group matched, and the number of the next line.
func (p *program) await(t *testing.T, after int, pattern string) (match string, next int) {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		lines, change := p.lines, p.change
		p.mu.Unlock()
		for i := after; i < len(lines); i++ {
			if groups := expression.FindStringSubmatch(lines[i]); groups != nil {
				return groups[len(groups)-1], i + 1
			}
		}
		select {
		case <-change:
		case <-deadline.C:
			require.FailNow(t, "no such line in time", "%s, in\n%s", pattern, strings.Join(lines, "\n"))
		}
	}
}

// never requires that no line so far contains text.
func (p *program) never(t *testing.T, text string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotContains(t, strings.Join(p.lines, "\n"), text)
}

// requireReported waits until the application has registered with an SDK of this name and version, where version is given,
// and has reported its use of the flag, with the variant.
func (r *running) requireReported(t *testing.T, application, sdk string) {
	t.Helper()
	if sdk != "" {
		path, seen := "/metrics/instances/"+application+"/environment/development", ""
		eventually(t, func() bool {
			seen = string(r.admin(t, http.MethodGet, path, nil))
			return strings.Contains(seen, sdk)
		}, func() string { return application + " should register with " + sdk + ": " + seen })
	}
	var usage struct {
		Data []struct {
			AppName  string
			Yes, No  int
			Variants map[string]int
		}
	}
	eventually(t, func() bool {
		answer := r.admin(t, http.MethodGet, "/client-metrics/features/"+exampleFlag+"/raw", nil)
		require.NoError(t, json.NewDecoder(bytes.NewReader(answer)).Decode(&usage))
		var yes, no, green int // of all hours
		for _, row := range usage.Data {
			if row.AppName == application {
				yes, no, green = yes+row.Yes, no+row.No, green+row.Variants["green"]
			}
		}
		return yes > 0 && no > 0 && green > 0
	}, func() string { return fmt.Sprintf("%s should report: %+v", application, usage.Data) })
}

// eventually looks until holds answers true. Unlike require's, it looks from the goroutine of the test.
func eventually(t *testing.T, holds func() bool, seen func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			require.FailNow(t, "not in time", seen())
		}
		select {
		case <-t.Context().Done():
			require.FailNow(t, "cancelled", seen())
		case <-time.After(4 * pollInterval):
		}
	}
}
