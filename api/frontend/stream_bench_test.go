package frontend_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
)

// cpuTime is what the process has used so far. On a shared machine it is steadier than the clock.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkChangeToEvent is the time from a change of one of 1,000 flags to the event at 1,000 streams that all have other
// contexts, clients in the same process included. Each round changes the answer for all of them; then for none.
func BenchmarkChangeToEvent(b *testing.B) {
	const streams = 1000
	var features []replica.Feature
	for i := range 1000 {
		f := open(fmt.Sprintf("bench.flag-%04d", i), "mine")
		f.Strategies = append([]eval.Strategy{{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "default", "groupId": f.Name}}}, f.Strategies...)
		features = append(features, f)
	}
	s := newStreaming(b, sse.Config{}, nil, features...)
	arrived := make(chan time.Time, streams)
	for i := range streams {
		body := fmt.Sprintf(`{"context":{"userId":"user-%d","sessionId":"s","properties":{"plan":"p%d"}}}`, i, i%7)
		answer := s.send(b, http.MethodPost, frontend.PathStream, body, "Authorization", "mine")
		require.Equal(b, http.StatusOK, answer.StatusCode)
		lines := bufio.NewReaderSize(answer.Body, 4<<10)
		ready := make(chan struct{})
		go func() {
			for opened := false; ; {
				line, err := lines.ReadSlice('\n')
				if err != nil && err != bufio.ErrBufferFull { //nolint:errorlint // ReadSlice returns it as it is
					return
				}
				switch {
				case bytes.HasPrefix(line, []byte("event: hydration")):
					opened = true
					close(ready)
				case opened && bytes.HasPrefix(line, []byte("event: update")):
					arrived <- time.Now()
				}
			}
		}()
		<-ready
	}
	var latencies []time.Duration
	b.ResetTimer()
	used := cpuTime()
	for i := range b.N {
		f := open("bench.flag-0500", "mine")
		f.Enabled = i%2 == 1
		began := time.Now()
		s.put(f)
		for range streams {
			latencies = append(latencies, (<-arrived).Sub(began))
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-used).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
	slices.Sort(latencies)
	for _, percent := range []int{50, 99} {
		b.ReportMetric(float64(latencies[(len(latencies)-1)*percent/100].Microseconds())/1e3, fmt.Sprintf("p%d-ms", percent))
	}
	b.ReportMetric(float64(latencies[len(latencies)-1].Microseconds())/1e3, "max-ms")

	before := s.hub.Stats()
	description := "another"
	silent := open("bench.flag-0501", "mine")
	silent.Description = &description
	s.put(silent)
	last := open("bench.flag-0502", "mine")
	last.Enabled = false
	s.put(last) // the streams that are told of it have been told nothing of the one before
	for range streams {
		<-arrived
	}
	require.LessOrEqual(b, s.hub.Stats().Messages-before.Messages, uint64(streams))
}
