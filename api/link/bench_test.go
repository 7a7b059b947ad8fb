package link_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/token"
)

// BenchmarkChange is one change to the last of 500 edges with four scopes each, all of them in this process. held-B/link is
// what one idle link holds, stacks and the edge's side of it included.
func BenchmarkChange(b *testing.B) {
	const edges = 500
	n := newNode(b)
	n.tokens.put("p1", token.Client, "production", "p1")
	n.tokens.put("p2", token.Client, "production", "p2")
	n.tokens.put("development", token.Client, "development", token.All)
	scopes := []link.Subscription{{ID: 1, Token: "all"}, {ID: 2, Token: "p1"}, {ID: 3, Token: "p2"}, {ID: 4, Token: "development"}}
	before := held()
	var taken sync.WaitGroup
	taken.Add(edges)
	dialer := websocket.Dialer{HandshakeTimeout: patience, ReadBufferSize: 1 << 10, WriteBufferPool: &sync.Pool{}}
	for range edges {
		ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+link.Path, map[string][]string{"Authorization": {"all"}})
		require.NoError(b, err)
		_ = response.Body.Close()
		require.NoError(b, ws.WriteJSON(link.FromEdge{Type: link.TypeHello, Scopes: scopes}))
		ended := make(chan struct{})
		b.Cleanup(func() { _ = ws.Close(); <-ended })
		go func() {
			defer close(ended)
			for {
				_, data, err := ws.ReadMessage()
				if err != nil {
					return
				}
				if strings.HasPrefix(string(data), `{"type":"changes"`) {
					taken.Done()
				}
			}
		}()
	}
	taken.Wait()
	memory := float64(held()-before) / edges
	b.ResetTimer()
	for range b.N {
		taken.Add(edges)
		n.put("flag1", "p1")
		taken.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/edges, "µs/edge")
	b.ReportMetric(memory, "held-B/link")
}

// held is how much memory is in use after a collection.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
