package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// logMax is the size beyond which the server's log starts afresh at the next start.
	logMax = 16 << 20

	// killPatience is how long a server that was told to quit at once gets before it is killed.
	killPatience = 5 * time.Second

	// orphanPatience is how long a server left behind by a killed owner gets to shut down.
	orphanPatience = 20 * time.Second
)

// Process is a program that runs beside us and ends no later than we do (on Linux; see dieWithParent). Its methods may be
// called from any goroutine.
type Process struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done

	mu      sync.Mutex
	stopped bool
}

// StartProcess starts a command as account, in a process group of its own: Ctrl-C must reach us, who stop it last, and
// not the process. The caller must Stop it.
func StartProcess(command *exec.Cmd, account Account) (*Process, error) {
	command.Dir, command.Env = "/", environment()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(command.SysProcAttr)
	account.apply(command)

	p := &Process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		// The death signal is sent when the thread that forked ends, so that thread must last as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := command.Start(); err != nil {
			started <- err
			return
		}
		p.pid = command.Process.Pid
		started <- nil
		p.err = command.Wait()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(command.Path), err)
	}
	return p, nil
}

// Done is closed when the process has ended, asked for or not.
func (p *Process) Done() <-chan struct{} { return p.done }

// errHeld says that somebody who worked for a server that was killed has not noticed yet, and holds its memory.
var errHeld = errors.New("what a killed server has left is still in use")

// startServerPatiently is startServer, again and again while backends of a killed server are about to end.
func startServerPatiently(ctx context.Context, c cluster, arguments []string, logPath string) (*Process, error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		p, err := startServer(ctx, c, arguments, logPath)
		if !errors.Is(err, errHeld) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

// startServer runs a server and returns when it accepts connections.
func startServer(ctx context.Context, c cluster, arguments []string, logPath string) (*Process, error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(logPath); err == nil && info.Size() > logMax {
		flags |= os.O_TRUNC
	}
	logFile, err := os.OpenFile(logPath, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer logFile.Close()
	before, err := logFile.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}

	command := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(c.binaries.dir, "postgres"), arguments...)
	command.Stdout, command.Stderr = logFile, logFile
	p, err := StartProcess(command, c.account)
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, c); err != nil {
		_ = p.Stop(context.WithoutCancel(ctx), true)
		log, _ := os.ReadFile(logPath)
		if bytes.Contains(log[min(int(before), len(log)):], []byte("pre-existing shared memory block")) {
			err = fmt.Errorf("%w: %w", errHeld, err)
		}
		return nil, fmt.Errorf("start PostgreSQL: %w; its log %s ends with: %s", err, logPath, lastLines(log, 5))
	}
	return p, nil
}

// awaitReady waits until the server says in its pid file that it accepts connections.
func (p *Process) awaitReady(ctx context.Context, c cluster) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("it ended at once: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("wait until it accepts connections: %w", ctx.Err())
		case <-tick.C:
		}
		// Line 1 is the pid, line 8 the status.
		lines := strings.Split(readText(filepath.Join(c.dir, "postmaster.pid")), "\n")
		if len(lines) >= 8 && strings.TrimSpace(lines[0]) == strconv.Itoa(p.pid) && strings.TrimSpace(lines[7]) == "ready" {
			return nil
		}
	}
}

// Stop ends the process and waits for it: with SIGINT (a clean shutdown for PostgreSQL), or with SIGQUIT when it may end at
// once or when ctx ends first. A second Stop does nothing.
func (p *Process) Stop(ctx context.Context, atOnce bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil
	}
	p.stopped = true

	if !atOnce {
		p.signal(syscall.SIGINT)
		select {
		case <-p.done:
			return nil
		case <-ctx.Done():
		}
	}
	p.signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(killPatience):
		p.signal(syscall.SIGKILL)
		<-p.done
	}
	if atOnce {
		return nil
	}
	return fmt.Errorf("stop process %d cleanly: %w", p.pid, ctx.Err())
}

// signal sends a signal unless the process has been waited for (its pid may be another's by then).
func (p *Process) signal(signal syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(p.pid, signal)
	}
}

// endOrphan deals with what a killed owner left behind, now that we hold the lock: it stops a server that still runs on
// the data directory, and removes a pid file whose number belongs to another program by now (PostgreSQL would refuse to
// start because of it).
func (c cluster) endOrphan(ctx context.Context, logger *slog.Logger) error {
	pidFile := filepath.Join(c.dir, "postmaster.pid")
	first, _, _ := strings.Cut(readText(pidFile), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return nil //nolint:nilerr // none, or half-written: PostgreSQL judges
	}
	if !alive(pid) {
		return nil
	}
	if !isPostgres(ctx, pid) {
		if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove stale %s: %w", pidFile, err)
		}
		return nil
	}
	logger.Info("stopping a PostgreSQL that was left behind", "pid", pid, "dir", c.dir)
	_ = syscall.Kill(pid, syscall.SIGINT)
	deadline := time.Now().Add(orphanPatience)
	for alive(pid) && isPostgres(ctx, pid) {
		if time.Now().After(deadline) {
			return fmt.Errorf("a PostgreSQL left behind (pid %d) in %s does not stop: end it and try again", pid, c.dir)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// alive reports whether there is a process, be it a zombie.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// isPostgres reports whether a process runs the postgres program. A zombie does not.
func isPostgres(ctx context.Context, pid int) bool {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "postgres"
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && filepath.Base(string(bytes.TrimSpace(out))) == "postgres"
}

// readText is a small file's content, empty when it cannot be read.
func readText(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}
