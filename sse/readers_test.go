package sse_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
)

// readersVariable makes the test binary a reader process of the benchmarks: `<address> <streams>`.
const readersVariable = "PENNON_SSE_BENCH_READERS"

// marker is once in each message, so that readers need not parse.
const marker = "~"

// runReaders is the reader process. It ends when its standard input does.
func runReaders(task string) {
	var address string
	var streams int64
	if _, err := fmt.Sscan(task, &address, &streams); err != nil {
		panic(err)
	}
	var read atomic.Int64
	for range streams {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			panic(err)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			panic(err)
		}
		go func() {
			buffer := make([]byte, 2048)
			for {
				n, err := conn.Read(buffer)
				if err != nil {
					return
				}
				for range bytes.Count(buffer[:n], []byte(marker)) {
					if read.Add(1)%streams == 0 {
						_, _ = os.Stdout.Write([]byte{'.'})
					}
				}
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
