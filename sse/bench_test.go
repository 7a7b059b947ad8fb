//go:build unix

package sse_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

const payloadBytes = 500 // of a typical change

// ticker is a topic whose messages all have the same size.
type ticker struct {
	mu      sync.Mutex
	head    int64
	message *sse.Message
}

func (t *ticker) tick() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head++
	payload := fmt.Appendf(nil, `{"revision":%d,"pad":"%s"}`, t.head, marker)
	payload = append(payload[:len(payload)-2], strings.Repeat("x", payloadBytes-len(payload))+`"}`...)
	t.message = sse.NewMessage("unleash-updated", fmt.Sprint(t.head), payload)
	return payload
}

func (t *ticker) Since(c sse.Cursor) (*sse.Message, sse.Cursor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Revision == t.head {
		return nil, c, nil
	}
	return t.message, sse.Cursor{Revision: t.head}, nil
}

// readers is a process that holds the other ends of streams and says when all have read a message.
type readers struct {
	input  io.Closer
	output *bufio.Reader
	wait   func() error
}

func startReaders(b *testing.B, server *httptest.Server, streams int) *readers {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", readersVariable, server.Listener.Addr(), streams))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	require.NoError(b, err)
	output, err := command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, command.Start())
	r := &readers{input: input, output: bufio.NewReader(output), wait: command.Wait}
	b.Cleanup(func() {
		_ = r.input.Close()
		_ = r.wait()
	})
	r.await(b) // the opening messages
	return r
}

// await returns when every stream has read one more message.
func (r *readers) await(b *testing.B) {
	b.Helper()
	_, err := r.output.ReadByte()
	require.NoError(b, err)
}

// fan sends one message to all streams.
type fan struct {
	readers *readers
	send    func()
}

func newHubFan(b *testing.B, streams int) fan {
	b.Helper()
	hub, topic := sse.New(sse.Config{}), new(ticker)
	topic.tick()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream, err := hub.Admit("", time.Time{})
		if err != nil {
			panic(err)
		}
		message, cursor, _ := topic.Since(sse.Cursor{})
		if err := stream.ServeEvents(w, r, sse.Subscription{Topic: topic, Opening: message, Cursor: cursor}); err != nil {
			panic(err)
		}
	}))
	b.Cleanup(func() {
		cancel()
		require.NoError(b, <-done)
		server.Close()
	})
	return fan{startReaders(b, server, streams), func() {
		topic.tick()
		hub.Wake(topic)
	}}
}

func newRawFan(b *testing.B, streams int) fan {
	b.Helper()
	var mu sync.Mutex
	const writers = 2
	var conns [writers][]net.Conn
	topic := new(ticker)
	frame := func() []byte {
		payload := topic.tick()
		event := fmt.Sprintf("event: unleash-updated\nid: %d\ndata: %s\n\n", topic.head, payload)
		return fmt.Appendf(nil, "%x\r\n%s\r\n", len(event), event)
	}
	opening := append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"), frame()...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		if _, err := conn.Write(opening); err != nil {
			panic(err)
		}
		mu.Lock()
		defer mu.Unlock()
		i := (len(conns[0]) + len(conns[1])) % writers
		conns[i] = append(conns[i], conn)
	}))
	var work [writers]chan []byte
	for i := range work {
		work[i] = make(chan []byte, 1)
		go func() {
			for frame := range work[i] {
				for _, conn := range conns[i] {
					if _, err := conn.Write(frame); err != nil {
						panic(err)
					}
				}
			}
		}()
	}
	b.Cleanup(func() {
		for i := range work {
			close(work[i])
			for _, conn := range conns[i] {
				_ = conn.Close()
			}
		}
		server.Close()
	})
	return fan{startReaders(b, server, streams), func() {
		f := frame()
		for i := range work {
			work[i] <- f
		}
	}}
}

// BenchmarkFanOut brings one change to all streams over loopback, the hub in turns with a bare program of the same shape:
// two goroutines that write the same bytes to hijacked connections in a loop. Another process reads. The times are from the
// change to the last reader; the CPU time is the server process's.
func BenchmarkFanOut(b *testing.B) {
	for _, streams := range []int{1000, 9000} {
		b.Run(fmt.Sprint(streams), func(b *testing.B) {
			const rounds = 10 // of each kind in an iteration
			var took, cpu [2]time.Duration
			fans := [2]fan{newHubFan(b, streams), newRawFan(b, streams)}
			for b.Loop() {
				for round := range rounds {
					for j := range fans {
						i := (round + j) % len(fans) // neither is always the first
						f := fans[i]
						cpuBefore, start := processCPU(b), time.Now()
						f.send()
						f.readers.await(b)
						took[i] += time.Since(start)
						cpu[i] += processCPU(b) - cpuBefore
					}
				}
			}
			deliveries := float64(b.N * rounds * streams)
			b.ReportMetric(float64(took[0])/deliveries, "ns/delivery")
			b.ReportMetric(float64(took[1])/deliveries, "raw-ns/delivery")
			b.ReportMetric(float64(took[0])/float64(took[1]), "time/raw")
			b.ReportMetric(float64(cpu[0])/deliveries, "cpu-ns/delivery")
			b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "cpu/raw")
		})
	}
}

// BenchmarkIdleStreams reports what an open stream holds: KiB of live heap and stacks, and of resident memory.
func BenchmarkIdleStreams(b *testing.B) {
	const streams = 5000
	for b.Loop() {
		heapBefore, residentBefore := memory(b)
		newHubFan(b, streams)
		heap, resident := memory(b)
		b.ReportMetric(float64(heap-heapBefore)/1024/streams, "heap-KiB/stream")
		b.ReportMetric(float64(resident-residentBefore)/1024/streams, "resident-KiB/stream")
	}
}

func memory(b *testing.B) (live, resident int64) {
	b.Helper()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse), residentBytes(b)
}
