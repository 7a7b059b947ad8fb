package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// startGCPercent is the garbage collector's target while the flags are read: most of what is allocated until then stays,
// and marking it again and again took a fifth of the time to ready with 10,000 flags.
const startGCPercent = 400

// edgeGCPercent is the target of an edge: it allocates little beside the flags it holds, so collecting twice as often costs
// no processor time that could be measured, and saves half of what requests leave behind.
const edgeGCPercent = 50

// settleTime is how long what reads the flags may still hold on to what it has read.
const settleTime = 500 * time.Millisecond

// collectMore makes the garbage collector work for memory, unless GOGC is set.
func collectMore() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(edgeGCPercent)
	}
}

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
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		debug.FreeOSMemory()
	}
}
