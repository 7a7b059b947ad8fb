//go:build unix

package sse

import (
	"io"
	"net"
	"syscall"
)

// rawIO makes single attempts to write to or read from connections without waiting and without deadlines. It belongs to
// one goroutine.
type rawIO struct {
	buf []byte
	n   int
	err error

	writeOnce, readOnce func(fd uintptr) bool // kept, so that an attempt allocates nothing
	sink                [512]byte
}

// rawOf returns the descriptor's access of a plain TCP or Unix connection, or nil for any other, TLS for one.
func rawOf(conn net.Conn) syscall.RawConn {
	plain, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

func newRawIO() *rawIO {
	a := new(rawIO)
	a.writeOnce = func(fd uintptr) bool {
		for {
			a.n, a.err = syscall.Write(int(fd), a.buf)
			if a.err != syscall.EINTR { //nolint:errorlint // a bare errno by contract
				return true // also on EAGAIN: never wait here
			}
		}
	}
	a.readOnce = func(fd uintptr) bool {
		for {
			a.n, a.err = syscall.Read(int(fd), a.sink[:])
			if a.err != syscall.EINTR { //nolint:errorlint // a bare errno by contract
				return true
			}
		}
	}
	return a
}

// write writes as much of f as the connection takes at once. Less than f.size() without an error means that the
// connection is full.
func (a *rawIO) write(raw syscall.RawConn, f frame) (written int, err error) {
	for _, part := range f {
		for len(part) > 0 {
			a.buf = part
			err := raw.Write(a.writeOnce)
			a.buf = nil
			if err == nil {
				err = a.err
			}
			if err == syscall.EAGAIN { //nolint:errorlint // a bare errno by contract
				return written, nil
			}
			if err != nil {
				return written, err
			}
			written += a.n
			part = part[a.n:]
		}
	}
	return written, nil
}

// discard throws away what the peer has sent and returns io.EOF when it has closed its side, or the connection's error.
func (a *rawIO) discard(raw syscall.RawConn) error {
	// A client of a one-way stream has nothing to say; the bound keeps one that talks all the same from holding us up.
	const most = 8
	for range most {
		err := raw.Read(a.readOnce)
		if err == nil {
			err = a.err
		}
		switch {
		case err == syscall.EAGAIN: //nolint:errorlint // a bare errno by contract
			return nil
		case err != nil:
			return err
		case a.n == 0:
			return io.EOF
		}
	}
	return nil
}
