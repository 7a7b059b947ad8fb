package usage

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Sender names whoever forwards reports of one environment, for one run of the program. It is drawn at random, so that no
// two are equal.
type Sender [16]byte

// NewSender draws one.
func NewSender() (s Sender) {
	_, _ = rand.Read(s[:]) // never fails (crypto/rand, Go 1.24)
	return s
}

// ReportID names a report, so that one that is sent twice is counted once. The numbers of a sender rise: it sends a report
// only after the one before was taken or given up. Whoever takes reports therefore remembers one number a sender.
type ReportID struct {
	Sender Sender
	Number int64 // from 1
}

// String is the ReportID as it is sent: <32 hexadecimal digits>.<number>.
func (id ReportID) String() string {
	return hex.EncodeToString(id.Sender[:]) + "." + strconv.FormatInt(id.Number, 10)
}

// ParseReportID reads what String has written.
func ParseReportID(text string) (id ReportID, ok bool) {
	sender, number, _ := strings.Cut(text, ".")
	if len(sender) != hex.EncodedLen(len(id.Sender)) {
		return ReportID{}, false
	}
	if _, err := hex.Decode(id.Sender[:], []byte(sender)); err != nil {
		return ReportID{}, false
	}
	var err error
	if id.Number, err = strconv.ParseInt(number, 10, 64); err != nil || id.Number < 1 {
		return ReportID{}, false
	}
	return id, true
}

// DefaultMaxSenders is how many senders a Ledger remembers.
const DefaultMaxSenders = 20_000

// Ledger remembers in memory which reports were taken. It is bounded: past its limit it forgets the senders that were
// silent for longest. It is safe for concurrent use.
type Ledger struct {
	maxSenders int
	now        func() time.Time

	mu      sync.Mutex
	senders map[Sender]entry // mu
}

// entry is what a Ledger has of a sender.
type entry struct {
	number int64 // of its newest report
	at     time.Time
}

// NewLedger makes one that knows of no report, with the default limit.
func NewLedger() *Ledger {
	return &Ledger{maxSenders: DefaultMaxSenders, now: time.Now, senders: map[Sender]entry{}}
}

// Take notes a report and returns true, or false when it was noted before.
func (l *Ledger) Take(id ReportID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, heard := l.senders[id.Sender]
	if known.number >= id.Number {
		return false
	}
	if !heard && len(l.senders) >= l.maxSenders {
		l.makeRoom()
	}
	l.senders[id.Sender] = entry{id.Number, l.now()}
	return true
}

// makeRoom forgets a quarter of the senders at once, as it has to look at all of them.
func (l *Ledger) makeRoom() {
	silent := slices.SortedFunc(maps.Keys(l.senders), func(a, b Sender) int {
		return l.senders[a].at.Compare(l.senders[b].at)
	})
	for _, sender := range silent[:len(silent)/4+1] {
		delete(l.senders, sender)
	}
}

// Taken lists the newest report of each sender, for the next run of the program.
func (l *Ledger) Taken() []ReportID {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]ReportID, 0, len(l.senders))
	for sender, known := range l.senders {
		ids = append(ids, ReportID{sender, known.number})
	}
	slices.SortFunc(ids, func(a, b ReportID) int { return cmp.Compare(string(a.Sender[:]), string(b.Sender[:])) })
	return ids
}
