package suite

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/test/load/system"
)

// facts describes the run: when, how and on what.
func (b *Bench) facts(ctx context.Context, began time.Time) []string {
	peer := fmt.Sprintf("unleash-server %s on ", system.PeerVersion)
	if b.peerErr == nil {
		peer += "Node.js " + b.peer.NodeVersion(ctx)
	} else {
		peer += "no Node.js"
	}
	command := fmt.Sprintf("`make bench` (%d rounds, %s)", b.Config.Rounds, time.Since(began).Round(time.Second))
	if len(b.Only) > 0 {
		command = fmt.Sprintf("`go run ./test/load/cmd/bench -only %s -rounds %d`, a part of `make bench`", strings.Join(b.Only, ","), b.Config.Rounds)
	}
	return []string{
		"Date: " + began.UTC().Format("2006-01-02 15:04 MST"),
		"Command: " + command,
		fmt.Sprintf("Machine: %d cores (%s), %s memory, load average %s at the end", runtime.NumCPU(), procField("/proc/cpuinfo", "model name"),
			gibibytes(procField("/proc/meminfo", "MemTotal")), loadAverage()),
		fmt.Sprintf("System: %s %s %s, %s, %s, %s", runtime.GOOS, kernel(), runtime.GOARCH, runtime.Version(), b.postgresVersion(ctx), peer),
	}
}

func (b *Bench) postgresVersion(ctx context.Context) string {
	conn, err := pgx.Connect(ctx, b.postgres.DSN("postgres"))
	if err != nil {
		return "PostgreSQL"
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var version, fsync string
	if err := conn.QueryRow(ctx, "SELECT split_part(version(), ' ', 2), current_setting('fsync')").Scan(&version, &fsync); err != nil {
		return "PostgreSQL"
	}
	return "PostgreSQL " + version + " (fsync " + fsync + ")"
}

// procField returns the value of the first line "name : value" of a file under /proc, "unknown" without one.
func procField(path, name string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(content) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(key)) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return "unknown"
}

// gibibytes turns "24641880 kB" into "23.5 GiB".
func gibibytes(size string) string {
	var kib float64
	if _, err := fmt.Sscanf(size, "%f kB", &kib); err != nil {
		return size
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}

func kernel() string {
	content, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}
