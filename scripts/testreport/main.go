// Command testreport reads `go test -json` from standard input, prints each package's result and the output of what
// failed, and ends with the counts: SDK and client-specification cases first, then all tests on a line of their own.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is one line of `go test -json` (see go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// caseLine is how conformance tests announce their counts, wherever in the output: "<suite>: passed/all cases".
var caseLine = regexp.MustCompile(`(client specification|SDK scenarios)[^:\n]*: \d+/\d+[^\n]*`)

// notRun is how tests say that what they need is not there, where that is no failure.
var notRun = regexp.MustCompile(`not run: [^\n]*`)

type report struct {
	passed, failed, skipped int
	brokenPackages          []string
	output                  map[string][]string // by package and test, until it has passed
	cases                   []string
	notRun                  []string
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	r := report{output: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text()) // a compiler's or tool's own words
			continue
		}
		r.add(e, out)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return r.close(out)
}

func (r *report) add(e event, out io.Writer) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output", "build-output":
		r.output[key] = append(r.output[key], e.Output)
		if found := caseLine.FindString(e.Output); found != "" && !slices.Contains(r.cases, found) {
			r.cases = append(r.cases, found)
		}
		if found := notRun.FindString(e.Output); found != "" && !slices.Contains(r.notRun, found) {
			r.notRun = append(r.notRun, found)
		}
	case "pass":
		if e.Test != "" {
			r.passed++
		} else {
			fmt.Fprintf(out, "ok    %-60s %6.1fs\n", e.Package, e.Elapsed)
		}
		delete(r.output, key)
	case "skip":
		if e.Test != "" {
			r.skipped++
			fmt.Fprintf(out, "SKIP  %s %s\n%s", e.Package, e.Test, strings.Join(r.output[key], ""))
		}
		delete(r.output, key)
	case "fail":
		if e.Test != "" {
			r.failed++
		} else {
			r.brokenPackages = append(r.brokenPackages, e.Package)
		}
		fmt.Fprintf(out, "FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(r.output[key], ""))
		delete(r.output, key)
	case "build-fail":
		fmt.Fprintf(out, "FAIL  %s\n%s", e.Package, strings.Join(r.output[key], ""))
	}
}

func (r *report) close(out io.Writer) error {
	fmt.Fprintln(out, "\n== conformance")
	for _, line := range r.cases {
		fmt.Fprintln(out, line)
	}
	if len(r.notRun) > 0 {
		fmt.Fprintln(out, "\n== not run")
		for _, line := range r.notRun {
			fmt.Fprintln(out, strings.TrimPrefix(line, "not run: "))
		}
	}
	fmt.Fprintln(out, "\n== tests")
	failed := r.failed
	if failed == 0 {
		failed = len(r.brokenPackages)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", r.passed, failed, r.skipped)
	switch {
	case failed > 0:
		return fmt.Errorf("%d failed, in %s", failed, strings.Join(r.brokenPackages, ", "))
	case r.passed == 0:
		return errors.New("no test ran")
	}
	return nil
}
