package sse

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall does not name.
const tcpUserTimeout = 18

// limitUnacknowledged makes the kernel give up on a peer that acknowledges nothing for that long. Without it a client that
// vanished without a word is kept for the kernel's 15 minutes of retransmissions, as heartbeats fit its send buffer.
func limitUnacknowledged(conn net.Conn, limit time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	// Best effort: a kernel that refuses keeps its default.
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(limit.Milliseconds()))
	})
}
