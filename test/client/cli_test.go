//go:build unix

package client_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/cmd/pennon/cli"
)

// folder is where the binary is built; TestMain removes it.
var folder string

// binary builds pennon once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(folder, "pennon")
	output, err := exec.Command("go", "build", "-o", path, "github.com/pennonhq/pennon/cmd/pennon").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return path, nil
})

// terminal runs pennon against one server.
type terminal struct {
	t   *testing.T
	url string
	dir string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	return &terminal{t: t, url: start(t), dir: t.TempDir()}
}

func (c *terminal) command(environment []string, arguments ...string) *exec.Cmd {
	c.t.Helper()
	path, err := binary()
	require.NoError(c.t, err)
	command := exec.CommandContext(c.t.Context(), path, arguments...)
	command.Dir = c.dir
	command.Env = append([]string{"HOME=" + c.dir, "PATH=" + filepath.Dir(path) + ":" + os.Getenv("PATH"), "TZ=UTC"}, environment...)
	return command
}

// run runs a command line with an admin token and requires its exit code.
func (c *terminal) run(code int, line ...string) (out, errs string) {
	c.t.Helper()
	return c.runWith(code, []string{"PENNON_URL=" + c.url, "PENNON_TOKEN=" + adminToken}, line...)
}

func (c *terminal) runWith(code int, environment []string, line ...string) (out, errs string) {
	c.t.Helper()
	command := c.command(environment, line...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	_ = command.Run()
	require.Equal(c.t, code, command.ProcessState.ExitCode(), "pennon %s\n%s%s", strings.Join(line, " "), &stdout, &stderr)
	return stdout.String(), stderr.String()
}

// says runs a command line that succeeds and requires what it prints.
func (c *terminal) says(want string, line ...string) {
	c.t.Helper()
	out, _ := c.run(0, line...)
	require.Equal(c.t, want, strings.TrimRight(out, "\n"), "pennon %s", strings.Join(line, " "))
}

func TestCommandLine(t *testing.T) {
	t.Parallel()

	t.Run("AFlagFromCreationToDeletion", func(t *testing.T) {
		t.Parallel()
		c := newTerminal(t)
		c.says("no flags", "flags")
		c.says("created hello in project default, on in development", "flags", "create", "hello", "-d", "Greets", "--on", "development")
		c.says("created project shop", "projects", "create", "shop", "--name", "The shop")
		c.says("created checkout in project shop", "flags", "create", "checkout", "-p", "shop", "--type", "experiment")
		c.says("changed checkout", "flags", "update", "checkout", "--stale", "--description", "Pays")
		c.says("checkout is on in development\ncheckout is on in production", "flags", "on", "checkout", "-e", "development,production")
		c.says("checkout is rolled out to 25% in production", "flags", "rollout", "checkout", "25", "-e", "production", "--stickiness", "userId")
		c.says("hello is rolled out to 0% in production, and off there: 'pennon flags on hello -e production' turns it on",
			"flags", "rollout", "hello", "0", "-e", "production")
		c.says("NAME      PROJECT  TYPE        development  production  DESCRIPTION\n"+
			"checkout  shop     experiment  on           on          [stale] Pays\n"+
			"hello     default  release     on           off         Greets", "flags", "list")
		out, _ := c.run(0, "flags", "get", "checkout")
		require.Contains(t, out, "production: on\n  flexibleRollout 25% by userId\n")
		out, _ = c.run(0, "flags", "evaluate", "hello", "-e", "development")
		require.Equal(t, "hello is on in development\n  yes      flexibleRollout 100% by default\n", out)

		var found struct{ Features []struct{ Name string } }
		out, _ = c.run(0, "flags", "list", "--project", "shop", "-o", "json")
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		require.Len(t, found.Features, 1)

		c.says("hello is off in development", "flags", "off", "hello", "-e", "development")
		c.run(0, "flags", "archive", "hello", "checkout")
		c.says("revived hello; it is off everywhere", "flags", "revive", "hello")
		_, errs := c.run(cli.ExitFailed, "flags", "delete", "checkout")
		require.Contains(t, errs, "--yes")
		c.says("deleted checkout", "flags", "delete", "checkout", "--yes")
	})

	t.Run("OtherNouns", func(t *testing.T) {
		t.Parallel()
		c := newTerminal(t)
		c.says("created environment staging", "envs", "create", "staging", "--type", "test")
		c.says("changed environment staging", "envs", "update", "staging", "--type", "preproduction")
		c.says("created environment copy from staging", "envs", "clone", "staging", "copy")
		c.says("copy is not offered any more", "envs", "off", "copy")
		c.says("deleted environment copy", "envs", "delete", "copy", "--yes")
		out, _ := c.run(0, "envs")
		require.Contains(t, out, "staging      preproduction  yes")

		secret, _ := c.run(0, "tokens", "create", "shop", "-e", "staging", "--expires-in", "1h")
		require.Regexp(t, `^\*:staging\.[0-9a-f]+\n$`, secret)
		out, _ = c.run(0, "tokens")
		require.NotContains(t, out, strings.TrimSpace(secret))
		out, _ = c.run(0, "tokens", "update", "shop", "--expires-in", "48h")
		require.Contains(t, out, "shop is valid until")
		c.says("revoked shop (client, staging)", "tokens", "delete", "shop")

		require.NoError(t, os.WriteFile(filepath.Join(c.dir, "c.json"), []byte(`[{"contextName":"plan","operator":"IN","values":["paid"]}]`), 0o600))
		c.says("created segment beta (id 1)", "segments", "create", "beta", "--constraints", "c.json")
		c.says("changed segment gamma", "segments", "update", "beta", "--name", "gamma")
		c.says("gamma\n  id       1\n  project  all\n  used by  0 flags\n  plan IN paid", "segments", "get", "1")
		c.says("deleted segment gamma", "segments", "delete", "gamma", "-y")

		c.run(0, "projects", "create", "shop")
		c.says("changed project shop", "projects", "update", "shop", "-d", "Sells")
		out, _ = c.run(0, "projects", "get", "shop")
		require.Contains(t, out, "description   Sells")
		c.says("archived project shop", "projects", "archive", "shop")
		c.says("revived project shop", "projects", "revive", "shop")
		c.says("deleted project shop", "projects", "delete", "shop", "--yes")
		out, _ = c.run(0, "events", "--limit", "1")
		require.Contains(t, out, "project-deleted")
	})

	t.Run("ADocumentMovesBetweenServers", func(t *testing.T) {
		t.Parallel()
		source, target := newTerminal(t), newTerminal(t)
		source.run(0, "flags", "create", "hello", "--on", "production")
		source.run(0, "export", "--file", filepath.Join(target.dir, "flags.json"))
		target.says("flags.json can be imported", "import", "flags.json", "--dry-run")
		target.says("no flags", "flags")
		target.says("imported flags.json", "import", "flags.json")
		out, _ := target.run(0, "flags")
		require.Contains(t, out, "hello  default  release  off          on")
		require.NoError(t, os.WriteFile(filepath.Join(target.dir, "bad.json"), []byte(`{"features":[{"name":"a b"}],"featureStrategies":[]}`), 0o600))
		_, errs := target.run(cli.ExitRefused, "import", "bad.json", "--validate")
		require.Contains(t, errs, "tagTypes")
	})

	t.Run("MistakesAreExplained", func(t *testing.T) {
		t.Parallel()
		c := newTerminal(t)
		c.run(0, "flags", "create", "checkout")
		for _, test := range []struct {
			code        int
			environment []string
			want        string
			line        string
		}{
			{cli.ExitUsage, nil, "--environment", "flags on checkout"},
			{cli.ExitUsage, nil, "looks like https://", "flags --url localhost:1"},
			{cli.ExitForbidden, []string{"UNLEASH_URL=" + c.url}, "PENNON_TOKEN", "flags"},
			{cli.ExitForbidden, []string{"UNLEASH_URL=" + c.url, "UNLEASH_API_TOKEN=" + clientToken}, "takes an admin token", "flags"},
			{cli.ExitForbidden, nil, "takes a backend token", "flags watch"},
			{cli.ExitForbidden, nil, "takes an admin token", "flags --token *:*.unknown"},
			{cli.ExitNotFound, nil, "Did you mean checkout?", "flags get chekout"},
			{cli.ExitNotFound, nil, "Did you mean production?", "flags on checkout -e prod"},
			{cli.ExitNotFound, nil, "Did you mean default?", "projects get defult"},
			{cli.ExitNotFound, nil, "ends before /api", "flags --url " + c.url + "/wrong"},
			{cli.ExitRefused, nil, "already exists", "flags create checkout"},
			{cli.ExitRefused, nil, "URL friendly", "flags create a%b"},
			{cli.ExitUnreachable, nil, "Is the server running there?", "flags --url http://127.0.0.1:1"},
		} {
			environment := test.environment
			if environment == nil {
				environment = []string{"PENNON_URL=" + c.url, "PENNON_TOKEN=" + adminToken}
			}
			out, errs := c.runWith(test.code, environment, strings.Fields(test.line)...)
			require.Contains(t, errs, test.want, test.line)
			require.Empty(t, out, test.line)
		}
	})

	t.Run("WatchPrintsChangesAsTheyArePushed", func(t *testing.T) {
		t.Parallel()
		c := newTerminal(t)
		watch := c.command([]string{"PENNON_URL=" + c.url, "PENNON_TOKEN=" + adminToken, "PENNON_CLIENT_TOKEN=" + clientToken}, "flags", "watch", "-o", "json")
		out, err := watch.StdoutPipe()
		require.NoError(t, err)
		remarks, err := watch.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, watch.Start())
		opened, err := bufio.NewReader(remarks).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, opened, "0 flags, 0 of them on")
		lines := bufio.NewScanner(out)
		next := func(name, change string) {
			t.Helper()
			require.True(t, lines.Scan(), "the stream ended")
			var got cli.Change
			require.NoError(t, json.Unmarshal(lines.Bytes(), &got), "%s", lines.Bytes())
			require.Equal(t, [2]string{name, change}, [2]string{got.Name, got.Change})
		}
		c.run(0, "flags", "create", "hello")
		next("hello", "created")
		c.run(0, "flags", "on", "hello", "-e", "development")
		next("hello", "on")
		c.run(0, "flags", "rollout", "hello", "10", "-e", "development")
		next("hello", "changed")
		c.run(0, "flags", "archive", "hello")
		next("hello", "removed")
		require.NoError(t, watch.Process.Signal(syscall.SIGINT))
		require.NoError(t, watch.Wait())
	})

	t.Run("ShellsComplete", func(t *testing.T) {
		t.Parallel()
		c := newTerminal(t)
		c.run(0, "flags", "create", "hello")
		c.says("hello", "complete", "--", "flags", "on", "he")
		c.says("development\nproduction", "complete", "--", "flags", "on", "hello", "-e", "")
		c.says("--project=default", "complete", "--", "flags", "list", "--project=d")
		c.says("json\ntable", "complete", "--", "flags", "list", "-o", "")
		out, _ := c.run(0, "complete", "--", "flags", "r")
		require.Regexp(t, `^rollout\t.*\nrevive\t.*\n$`, out)
		out, _ = c.run(0, "complete", "--", "flags", "list", "--st")
		require.Regexp(t, `^--stale\t`, out)
		for _, shell := range []string{"bash", "zsh", "fish"} {
			script, _ := c.run(0, "completion", shell)
			require.Contains(t, script, "pennon complete --")
			if _, err := exec.LookPath(shell); err == nil {
				require.NoError(t, os.WriteFile(filepath.Join(c.dir, "script"), []byte(script), 0o600))
				output, err := exec.CommandContext(t.Context(), shell, "-n", filepath.Join(c.dir, "script")).CombinedOutput()
				require.NoError(t, err, "%s: %s", shell, output)
			}
		}
	})
}
