//go:build !linux

package sse

import (
	"net"
	"time"
)

// limitUnacknowledged is for Linux only; elsewhere the kernel's own time-out applies.
func limitUnacknowledged(net.Conn, time.Duration) {}
