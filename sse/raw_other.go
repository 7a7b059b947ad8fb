//go:build !unix

package sse

import (
	"net"
	"syscall"
)

// rawIO has no use here: every connection has a goroutine of its own that writes to it.
type rawIO struct{}

func rawOf(net.Conn) syscall.RawConn { return nil }

func newRawIO() *rawIO { return new(rawIO) }

func (*rawIO) write(syscall.RawConn, frame) (int, error) { return 0, syscall.EINVAL }

func (*rawIO) discard(syscall.RawConn) error { return nil }
