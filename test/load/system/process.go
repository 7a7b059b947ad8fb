// Package system starts the programs a benchmark measures, each as a process of its own so that its processor time and
// memory can be read, and stops them: Pennon, the bare-Go ceilings and the published Unleash server. Everything listens
// on loopback only.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Command is a program to start. Addr is where it will listen.
type Command struct {
	Name string // for messages and the log file's name
	Path string
	Args []string
	Env  []string // added to an environment without anything else's settings
	Dir  string
	Addr string // host:port
	Log  string // directory of the log file
}

// Process is a running program.
type Process struct {
	Addr string

	// Started is the time from exec to the first time it was found ready.
	Started time.Duration

	name  string
	log   string
	began time.Time
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended; then err is set
	err   error
}

// FreeAddr returns a loopback address nobody listens on at the moment.
func FreeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// Start starts a program. It ends with this process at the latest.
func Start(c Command) (*Process, error) {
	if err := os.MkdirAll(c.Log, 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	path := filepath.Join(c.Log, c.Name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	defer func() { _ = log.Close() }()
	p := &Process{Addr: c.Addr, name: c.Name, log: path, ended: make(chan struct{})}
	p.cmd = exec.Command(c.Path, c.Args...)
	p.cmd.Dir, p.cmd.Env = c.Dir, append(environment(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	dieWithParent(p.cmd)
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// environment is what every program gets, so that no setting of the caller's reaches into a measurement.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=UTC", "LANG=C.UTF-8"}
}

// Ready polls path until it answers 200 and sets Started. Polling is every millisecond, which is also the resolution of
// the answer.
func (p *Process) Ready(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Addr+path, nil)
		if err != nil {
			return fmt.Errorf("ask %s whether it is ready: %w", p.name, err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close() // the status is all that counts
			if response.StatusCode == http.StatusOK {
				if p.Started == 0 {
					p.Started = time.Since(p.began)
				}
				return nil
			}
			last = fmt.Errorf("%s answered %s", path, response.Status)
		} else {
			last = err
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready (%w): %s", p.name, p.exit(), p.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.name, last, p.tail())
		case <-tick.C:
		}
	}
}

// Stop asks the program to end, insists after ten seconds, and returns when it has ended.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Kill ends the program at once, for when nothing it would still do matters.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
}

// Alive returns an error that says how the program ended, nil while it runs.
func (p *Process) Alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended (%w): %s", p.name, p.exit(), p.tail())
	default:
		return nil
	}
}

func (p *Process) exit() error {
	if p.err == nil {
		return errors.New("exit status 0")
	}
	return p.err
}

// Memory returns the resident memory of the process in bytes, shared pages included.
func (p *Process) Memory() (int64, error) { return p.memory("VmRSS") }

// AnonymousMemory returns the part of Memory that no file holds: without the pages of the program itself.
func (p *Process) AnonymousMemory() (int64, error) { return p.memory("RssAnon") }

func (p *Process) memory(field string) (int64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read memory of %s: %w", p.name, err)
	}
	return parseMemory(string(status), field)
}

// parseMemory finds a field in the text of /proc/<pid>/status (proc_pid_status(5)).
func parseMemory(status, field string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read %s: %w", field, err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("read %s: no such line", field)
}

// CPU returns the processor time the process has used, user and system, over all threads.
func (p *Process) CPU() (time.Duration, error) {
	used, err := processCPU(p.cmd.Process.Pid)
	if err != nil {
		return 0, fmt.Errorf("read processor time of %s: %w", p.name, err)
	}
	return used, nil
}

// tail returns the end of the program's log on one line.
func (p *Process) tail() string {
	log, err := os.Open(p.log)
	if err != nil {
		return "no log"
	}
	defer func() { _ = log.Close() }()
	const most = 300
	if at, err := log.Seek(0, io.SeekEnd); err == nil {
		_, _ = log.Seek(max(0, at-most), io.SeekStart) // on failure the beginning is shown instead
	}
	text, _ := io.ReadAll(io.LimitReader(log, most))
	return strings.Join(strings.Fields(string(text)), " ")
}
