package main

import (
	"log"

	"github.com/Unleash/unleash-client-go/v4"
)

// listener is told by the SDK what happens. It has every method of the SDK's listeners: the SDK waits for somebody to take what
// it reports, and would fetch nothing while it waits.
type listener struct {
	changed chan struct{} // holds at most one: there may be news
}

func newListener() *listener { return &listener{changed: make(chan struct{}, 1)} }

func (l *listener) OnReady()  { l.notify() }
func (l *listener) OnUpdate() { l.notify() }

func (l *listener) notify() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *listener) OnError(err error)                          { log.Print(err) }
func (l *listener) OnWarning(err error)                        { log.Print(err) }
func (l *listener) OnCount(string, bool)                       {}
func (l *listener) OnSent(unleash.MetricsData)                 {}
func (l *listener) OnRegistered(unleash.ClientData)            {}
func (l *listener) OnImpression(event unleash.ImpressionEvent) {}
