//go:build unix

// Package sdk runs real, unmodified Unleash SDKs against a running server, for black-box tests.
//
// The scripts of the Node.js SDK are in node/: spec.mjs (the client specification in every mode),
// modes.mjs (restarts, drains, refusals), toggle.mjs (the time from a commit to the SDK) and
// offline.mjs (the harness itself). RunNode starts one of them. The package starts no server and
// imports none: its caller says in the script's environment where the server is.
package sdk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// scriptDeadline bounds a script when the test has no earlier deadline of its own.
	scriptDeadline = 5 * time.Minute
	// reportTime is kept back from the test's deadline, so that a script that hangs fails its test
	// with a report and not the whole test binary with a stack dump.
	reportTime = 10 * time.Second
	// killDelay is how long the pipes of a killed script may stay open.
	killDelay = 5 * time.Second
)

var errNoResult = errors.New("ended without a result")

// Answers are what a script may ask for while it runs, by question ("restart", "shed"). A function
// is given the whole question as JSON, acts on the server, and returns a value for the script (or
// nil) once the act is complete. It runs on the goroutine of the test.
type Answers map[string]func(question json.RawMessage) (any, error)

// RunNode runs a script of test/sdk/node and returns its report. It fails the test with the
// script's own words when the script crashes, does not end in time, or finds a check that does not
// hold. The variables in env (PENNON_URL, PENNON_ADMIN_TOKEN, ... see node/settings.mjs) are added
// to the environment. npm packages are installed first if they are missing.
func RunNode(t *testing.T, script string, env map[string]string, answers Answers) Report {
	t.Helper()
	return RunIn(t, "node", script, env, answers)
}

// RunIn is RunNode for a script of another folder of test/sdk, with packages of its own.
func RunIn(t *testing.T, name, script string, env map[string]string, answers Answers) Report {
	t.Helper()
	deadline := time.Now().Add(scriptDeadline)
	if end, ok := t.Deadline(); ok && end.Add(-reportTime).Before(deadline) {
		deadline = end.Add(-reportTime)
	}
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()

	folder, err := scriptFolder(name)
	require.NoError(t, err)
	require.NoError(t, Install(ctx, folder))
	report, err := run(ctx, filepath.Join(folder, script), env, answers)
	for _, line := range report.Lines {
		t.Log(line)
	}
	for _, check := range report.Failed() {
		t.Errorf("%s: %s", check.Name, check.Detail)
	}
	require.NoError(t, err)
	return report
}

// message is one JSON line of a script: a check, a question or the result.
type message struct {
	Check
	Ask    string          `json:"ask"`
	Result json.RawMessage `json:"result"`
}

// run starts a script and follows its conversation to the end. A report with failed checks is not
// an error; a script that crashes, hangs or ends without a result is.
func run(ctx context.Context, script string, env map[string]string, answers Answers) (Report, error) {
	var report Report
	var stderr bytes.Buffer
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := exec.CommandContext(ctx, "node", script)
	command.Env = os.Environ()
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stderr = &stderr
	command.WaitDelay = killDelay
	stdin, err := command.StdinPipe()
	if err != nil {
		return report, fmt.Errorf("open standard input: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return report, fmt.Errorf("open standard output: %w", err)
	}
	if err := command.Start(); err != nil {
		return report, fmt.Errorf("start Node.js: %w", err)
	}

	talkErr := report.follow(stdout, stdin, answers)
	if talkErr != nil {
		cancel() // the script may wait for an answer that will never come
	}
	waitErr := command.Wait()
	switch {
	case talkErr != nil:
		return report, fmt.Errorf("%s: %w\n%s", filepath.Base(script), talkErr, &stderr)
	case ctx.Err() != nil:
		return report, fmt.Errorf("%s did not end in time: %w\n%s", filepath.Base(script), ctx.Err(), &stderr)
	case report.Result == nil:
		err := errors.Join(errNoResult, waitErr)
		return report, fmt.Errorf("%s: %w\n%s", filepath.Base(script), err, &stderr)
	case waitErr != nil && len(report.Failed()) == 0:
		return report, fmt.Errorf("%s: %w\n%s", filepath.Base(script), waitErr, &stderr)
	}
	return report, nil
}

// follow reads what a script prints until it closes its output, and answers its questions.
func (r *Report) follow(output io.Reader, input io.Writer, answers Answers) error {
	lines := bufio.NewReader(output)
	for {
		line, readErr := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := r.take(line, input, answers); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("read standard output: %w", readErr)
		}
	}
}

func (r *Report) take(line []byte, input io.Writer, answers Answers) error {
	if line[0] != '{' {
		r.Lines = append(r.Lines, string(line))
		return nil
	}
	var said message
	if err := json.Unmarshal(line, &said); err != nil {
		return fmt.Errorf("decode %q: %w", line, err)
	}
	switch {
	case said.Ask != "":
		return answer(said.Ask, line, input, answers)
	case said.Result != nil:
		r.Result = said.Result
	case said.Name != "":
		r.Checks = append(r.Checks, said.Check)
	}
	return nil
}

// answer acts on a question and tells the script about it; a script that is told of an error fails
// the check that needed the answer.
func answer(question string, line []byte, input io.Writer, answers Answers) error {
	var reply struct {
		Value any    `json:"value"`
		Error string `json:"error,omitempty"`
	}
	act, ok := answers[question]
	if !ok {
		reply.Error = fmt.Sprintf("nobody answers the question %q", question)
	} else if value, err := act(line); err != nil {
		reply.Error = err.Error()
	} else {
		reply.Value = value
	}
	text, err := json.Marshal(reply)
	if err != nil {
		return fmt.Errorf("answer %q: %w", question, err)
	}
	if _, err := input.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("answer %q: %w", question, err)
	}
	return nil
}
