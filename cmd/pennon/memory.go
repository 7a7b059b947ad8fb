package main

import (
	"context"
	"os"
	"runtime/debug"
)

// startGCPercent is the garbage collector's target while the flags are read: most of what is allocated until then stays,
// and marking it again and again took a fifth of the time to ready with 10,000 flags.
const startGCPercent = 400

// collectLess relaxes the garbage collector, unless GOGC is set, until restore is called.
func collectLess() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	percent := debug.SetGCPercent(startGCPercent)
	return func() { debug.SetGCPercent(percent) }
}

// settle waits until all channels are closed and returns to the system what starting has left behind, which is several
// times the size of the flags: the runtime would keep it for the next time, which may never come.
func settle(ctx context.Context, done ...<-chan struct{}) {
	for _, channel := range done {
		select {
		case <-ctx.Done():
			return
		case <-channel:
		}
	}
	debug.FreeOSMemory()
}
