package client

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// thousand are 1,000 flags with about 820 KB of JSON.
func thousand() *replica.Snapshot {
	snapshot := recorded()
	snapshot.Environments["development"] = nil
	for i := range 1000 {
		values := make([]string, 25)
		for v := range values {
			values[v] = fmt.Sprintf("user-%d-%d", i, v)
		}
		name := fmt.Sprintf("bench.flag-%04d", i)
		first := rollout(name, "50", "default")
		first.Constraints = []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: values}}
		snapshot.Environments["development"] = append(snapshot.Environments["development"], replica.Feature{Feature: eval.Feature{
			Name: name, Type: "release", Enabled: true, Project: "default", Strategies: []eval.Strategy{first, rollout(name, "10", "userId")},
		}})
	}
	return snapshot
}

// bare is the ceiling: a handler that does nothing but write prepared bytes.
func bare(plain, gzip []byte, etag string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := plain
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			body = gzip
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
}

// BenchmarkFeatures compares with the ceiling over real connections. Both figures include the client, which is the same.
func BenchmarkFeatures(b *testing.B) {
	s := newServer(b, thousand())
	answer := s.get(b, "/api/client/features", "default", "Unleash-Client-Spec", "5.2.0")
	compressed := s.get(b, "/api/client/features", "default", "Unleash-Client-Spec", "5.2.0", "Accept-Encoding", "gzip")
	etag := answer.Header().Get("ETag")
	ceiling := bare(answer.Body.Bytes(), compressed.Body.Bytes(), etag)
	for _, c := range []struct{ name, header string }{
		{"plain", ""},
		{"gzip", "Accept-Encoding: gzip\r\n"},
		{"not modified", "If-None-Match: " + etag + "\r\n"},
	} {
		b.Run(c.name+"/bare", func(b *testing.B) { load(b, ceiling, c.header) })
		b.Run(c.name+"/pennon", func(b *testing.B) { load(b, s.handler, c.header) })
	}
}

func load(b *testing.B, handler http.Handler, header string) {
	b.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	defer server.Close()
	connection, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(b, err)
	defer func() { _ = connection.Close() }()
	request := []byte("GET /api/client/features HTTP/1.1\r\nHost: x\r\nAuthorization: default\r\nUnleash-Client-Spec: 5.2.0\r\n" +
		"unleash-appname: bench\r\nunleash-instanceid: 1\r\nunleash-interval: 15000\r\nUser-Agent: bench\r\n" + header + "\r\n")
	reader := bufio.NewReaderSize(connection, 64<<10)
	b.ReportAllocs()
	began := cpuTime()
	for b.Loop() {
		_, err := connection.Write(request)
		require.NoError(b, err)
		require.NoError(b, skipResponse(reader))
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/1e3, "cpu-µs/op")
}

// skipResponse reads one response and throws it away, at as little cost as can be.
func skipResponse(r *bufio.Reader) error {
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := io.CopyN(io.Discard, r, int64(length))
	return err
}

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
