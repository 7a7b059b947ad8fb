package link

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/sse"
)

const (
	// ackEvery is how often an edge need not confirm more than once: what comes in bursts is confirmed together.
	ackEvery = 100 * time.Millisecond

	// writeStep is how many bytes are written at a time; for each the peer has Config.WriteTimeout.
	writeStep = 64 << 10
)

// write sends what there is to send, until the link ends.
func (l *link) write() {
	defer l.leave()
	timer := time.NewTimer(0)
	defer timer.Stop()
	l.ping = time.Now().Add(l.pause())
	var ends time.Time
	if age := l.h.config.MaxAge; age > 0 {
		ends = l.since.Add(age*4/5 + rand.N(age*2/5))
	}
	err := l.sendJSON(FromServer{Type: TypeWelcome, Version: l.h.config.Version, AckEvery: int(ackEvery.Milliseconds())})
	for err == nil {
		var again time.Time
		if again, err = l.flush(); err != nil || l.closing() != 0 {
			break
		}
		if again.IsZero() || l.ping.Before(again) {
			again = l.ping
		}
		if !ends.IsZero() && ends.Before(again) {
			again = ends
		}
		timer.Reset(time.Until(again))
		select {
		case <-l.bell:
		case <-timer.C:
			if !ends.IsZero() && !time.Now().Before(ends) {
				l.close(sse.Aged)
			}
			err = l.heartbeat()
		}
	}
	var broken net.Error // gorilla hides what is under it
	switch {
	case errors.As(err, &broken) && broken.Timeout():
		l.close(sse.Slow)
	case err != nil:
		l.close(sse.WriteFailed)
	}
	l.finish()
}

// flush sends notes, and then changes for as long as there are any. It returns when to look again without being rung; zero:
// not at all.
func (l *link) flush() (again time.Time, err error) {
	for {
		l.mu.Lock()
		notes := l.notes
		l.notes = nil
		ending := l.reason != 0
		l.mu.Unlock()
		for i := range notes {
			if err := l.sendJSON(notes[i]); err != nil {
				return again, err
			}
		}
		if ending {
			return again, nil
		}
		f := l.changes()
		switch {
		case f.retry:
			continue
		case f.parts == nil:
			return f.again, nil
		case !l.current(f.generation): // what a scope that has left may no longer see is in it
			continue
		}
		if err := l.send(f.parts...); err != nil {
			return again, err
		}
		l.sentFrame(&f)
	}
}

// current reports whether no scope has left since.
func (l *link) current(generation uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.generation == generation
}

func (l *link) sendJSON(frame FromServer) error {
	data, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	return l.send(data)
}

// send writes one text message. A peer that takes nothing for as long as the write timeout is given up; one that is slow is
// not.
func (l *link) send(parts ...[]byte) error {
	w, err := l.ws.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for _, part := range parts {
		for len(part) > 0 {
			n := min(len(part), writeStep)
			if err := l.ws.SetWriteDeadline(time.Now().Add(l.h.config.WriteTimeout)); err != nil {
				return err
			}
			if _, err := w.Write(part[:n]); err != nil {
				return err
			}
			if part = part[n:]; n == writeStep {
				if err := l.progress(); err != nil {
					return err
				}
			}
		}
	}
	return w.Close()
}

// progress keeps the link alive while a large frame is being written: a peer that is busy reading is not silent.
func (l *link) progress() error {
	if err := l.heard(); err != nil {
		return err
	}
	return l.heartbeat()
}

// heartbeat sends a ping when one is due.
func (l *link) heartbeat() error {
	now := time.Now()
	if now.Before(l.ping) {
		return nil
	}
	l.ping = now.Add(l.pause())
	return l.ws.WriteControl(websocket.PingMessage, nil, now.Add(l.h.config.WriteTimeout))
}

// pause is the time to the next ping: 0.9 to 1.2 of the heartbeat.
func (l *link) pause() time.Duration {
	beat := l.h.config.Heartbeat
	return beat*9/10 + rand.N(beat*3/10)
}

// finish says goodbye and settles the link's affairs.
func (l *link) finish() {
	reason := l.closing()
	deadline := time.Now().Add(closeTimeout)
	if reason == sse.Draining || reason == sse.Aged {
		_ = l.ws.SetWriteDeadline(deadline)
		wait := sse.DefaultRetryMin + rand.N(sse.DefaultRetryMax-sse.DefaultRetryMin)
		data, _ := json.Marshal(FromServer{Type: TypeRetry, Data: wait.Milliseconds()}) // never fails
		_ = l.ws.WriteMessage(websocket.TextMessage, data)
	}
	if code := reason.Code(); code != 0 {
		_ = l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason.String()), deadline)
	}
	_ = l.ws.SetReadDeadline(deadline) // for the peer's close frame
	l.h.config.Logger.Info("edge left", "connection", l.connection, "reason", reason.String())
}
