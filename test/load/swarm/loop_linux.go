package swarm

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// loop is one epoll set over the subscribers' sockets. wait and readOne belong to the reading goroutine.
type loop struct {
	epoll  int
	events []unix.EpollEvent
	buffer []byte

	mu      sync.Mutex
	sockets []int // by subscriber
}

// batch is how many ready sockets one wait returns; small enough that the swarm's lock is never held for long.
const batch = 256

func (l *loop) open(sockets int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read descriptor limit: %w", err)
	}
	if need := uint64(sockets) + 100; limit.Cur < need {
		// The Go runtime has already raised the soft limit to the hard one.
		return fmt.Errorf("descriptor limit is %d, %d are needed: raise it with ulimit -n", limit.Cur, need)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	l.epoll = epoll
	l.events = make([]unix.EpollEvent, batch)
	l.buffer = make([]byte, 64<<10)
	l.sockets = make([]int, 0, sockets)
	return nil
}

func (l *loop) dial(i int, addr netip.AddrPort, request string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("create socket: %w", err)
	}
	l.mu.Lock()
	l.sockets = append(l.sockets, socket)
	l.mu.Unlock()
	if err := unix.SetsockoptLinger(socket, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return fmt.Errorf("set linger: %w", err)
	}
	if err := unix.Connect(socket, &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
		return fmt.Errorf("connect to %s: %w", addr, err)
	}
	if _, err := unix.Write(socket, []byte(request)); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	if err := unix.SetNonblock(socket, true); err != nil {
		return fmt.Errorf("set nonblocking: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(socket), Pad: int32(i)}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, socket, &event); err != nil {
		return fmt.Errorf("watch socket: %w", err)
	}
	return nil
}

func (l *loop) wait(timeout time.Duration) (int, error) {
	n, err := unix.EpollWait(l.epoll, l.events, int(timeout.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("wait for sockets: %w", err)
	}
	return n, nil
}

func (l *loop) forget(socket int) {
	// A socket that cannot be taken out of the set is reported again and forgotten again.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, socket, nil)
}

func (l *loop) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, socket := range l.sockets {
		_ = unix.Close(socket) // nothing is lost by a failed close of a socket whose data has been read
	}
	_ = unix.Close(l.epoll)
}

// readOne reads what one ready socket has, once: what is left makes it ready again.
func (s *Swarm) readOne(event unix.EpollEvent) {
	i, socket := int(event.Pad), int(event.Fd)
	n, err := unix.Read(socket, s.loop.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err == nil && n == 0:
		err = io.EOF
	case err == nil:
		err = s.received(i, s.loop.buffer[:n], time.Now())
	}
	if err != nil {
		s.loop.forget(socket)
		s.lost(i, err)
	}
}
