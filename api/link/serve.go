package link

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/sse"
)

const (
	// readBuffer is the size in bytes of a link's read buffer; larger frames get memory of their own while they are read.
	readBuffer = 1 << 10

	// maxConnectionID is how long a connection ID may be, in bytes.
	maxConnectionID = 64
)

var writeBuffers sync.Pool // links share buffers, as most of them are idle

// ServeHTTP answers with a WebSocket, or says why not: 400, 429, 503.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := api.TokenFrom(r.Context())
	if known == nil {
		api.WriteProblem(w, r, errors.New("link without a token check"))
		return
	}
	if !h.config.Store.Ready() {
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The flags are not loaded yet. Try again."))
		return
	}
	switch err := h.admit(known.ID); {
	case errors.Is(err, sse.ErrOverloaded):
		w.Header().Set("Retry-After", strconv.Itoa(30+rand.IntN(60)))
		api.WriteError(w, r, http.StatusTooManyRequests, "TooManyLinksError", "Too many edges are linked.")
		return
	case err != nil:
		w.Header().Set("Connection", "close")
		api.WriteProblem(w, r, fault.Wrap(fault.Unavailable, err, "The server is shutting down. Connect again."))
		return
	}
	refused := false
	upgrader := websocket.Upgrader{
		ReadBufferSize:   readBuffer,
		WriteBufferPool:  &writeBuffers,
		HandshakeTimeout: h.config.WriteTimeout,
		// As for streams: the token, which a caller has to know, decides, never a cookie.
		CheckOrigin: func(*http.Request) bool { return true },
		Error:       func(http.ResponseWriter, *http.Request, int, error) { refused = true },
	}
	ws, err := upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		h.release(known.ID)
		if refused {
			api.WriteProblem(w, r, fault.New(fault.Invalid, "This request is no WebSocket handshake."))
		}
		return
	}
	connection := r.Header.Get("Unleash-Connection-Id")
	if connection == "" || len(connection) > maxConnectionID {
		connection = strconv.FormatUint(rand.Uint64(), 16)
	}
	h.start(newLink(h, ws, known, connection))
}

// admit makes room for a link that was opened with that token. The caller must call release when it has ended.
func (h *Handler) admit(tokenID string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return sse.ErrDraining
	}
	most := h.config.MaxLinksPerToken
	if h.admitted >= h.config.MaxLinks || (most > 0 && h.perToken[tokenID] >= most) {
		return sse.ErrOverloaded
	}
	h.admitted++
	h.perToken[tokenID]++
	h.running.Add(1)
	return nil
}

func (h *Handler) release(tokenID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.admitted--
	if h.perToken[tokenID]--; h.perToken[tokenID] == 0 {
		delete(h.perToken, tokenID)
	}
	h.running.Done()
}

// start puts the link on the books and runs it.
func (h *Handler) start(l *link) {
	h.mu.Lock()
	h.links[l] = struct{}{}
	if h.draining { // meanwhile
		l.close(sse.Draining)
	}
	h.mu.Unlock()
	h.running.Go(l.read)
	h.running.Go(l.write)
}

// forget takes an ended link off the books.
func (h *Handler) forget(l *link) {
	h.watches.leave(l)
	h.mu.Lock()
	delete(h.links, l)
	h.mu.Unlock()
	h.release(l.opener.ID)
}

// hijacker finds the connection through middleware that wraps the writer and has an Unwrap method, as gorilla does not.
type hijacker struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
