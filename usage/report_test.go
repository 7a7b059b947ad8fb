package usage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReportID(t *testing.T) {
	t.Parallel()
	id := ReportID{Sender: NewSender(), Number: 17}
	same, ok := ParseReportID(id.String())
	require.True(t, ok)
	require.Equal(t, id, same)
	require.NotEqual(t, id.Sender, NewSender())
	for _, text := range []string{"", ".", "1", "ab.1", id.String() + "x", id.String()[:32], id.String()[:33], id.String()[:33] + "0", id.String()[:33] + "-1", "zz" + id.String()[2:]} {
		_, ok := ParseReportID(text)
		require.False(t, ok, text)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()

	t.Run("TakesEachReportOnce", func(t *testing.T) {
		t.Parallel()
		ledger := NewLedger()
		a, b := NewSender(), NewSender()
		require.True(t, ledger.Take(ReportID{a, 1}))
		require.False(t, ledger.Take(ReportID{a, 1}))
		require.True(t, ledger.Take(ReportID{b, 1}), "of another sender")
		require.True(t, ledger.Take(ReportID{a, 3}), "those between were given up")
		require.False(t, ledger.Take(ReportID{a, 2}))

		next := NewLedger()
		for _, id := range ledger.Taken() {
			require.True(t, next.Take(id))
		}
		require.False(t, next.Take(ReportID{a, 3}))
		require.True(t, next.Take(ReportID{b, 2}))
	})

	t.Run("ForgetsThoseSilentForLongest", func(t *testing.T) {
		t.Parallel()
		ledger := NewLedger()
		ledger.maxSenders = 8
		at := noon
		ledger.now = func() time.Time { at = at.Add(time.Second); return at }
		var senders []Sender
		for range 8 {
			senders = append(senders, NewSender())
			require.True(t, ledger.Take(ReportID{senders[len(senders)-1], 5}))
		}
		require.True(t, ledger.Take(ReportID{senders[0], 6}))
		require.True(t, ledger.Take(ReportID{NewSender(), 1}))
		require.Less(t, len(ledger.Taken()), 8)
		require.False(t, ledger.Take(ReportID{senders[0], 6}), "it was heard of last")
		require.True(t, ledger.Take(ReportID{senders[1], 5}), "it is forgotten")
	})
}

func TestBufferAddsAndCopies(t *testing.T) {
	t.Parallel()
	buffer := NewBuffer()
	buffer.TellFlagsApart()
	batch := NewBatch()
	key := Key{Feature: "f", App: "a", Environment: "e", Hour: noon}
	batch.Counts[key] = Count{Yes: 1, No: 2, Variants: map[string]int64{"red": 1}}
	batch.Instances[InstanceKey{App: "a", Environment: "e", ID: "1"}] = Instance{InstanceKey: InstanceKey{App: "a", Environment: "e", ID: "1"}}
	batch.Impact[Series{Name: "n"}] = Measurement{Kind: Counter, Value: 1}
	batch.Tokens[TokenUse{Environment: "e"}] = struct{}{}
	buffer.Add(batch)
	buffer.Add(batch)
	buffer.Tally(batch)
	peeked := buffer.Peek()
	peeked.Counts[key].Variants["red"] = 17
	require.Equal(t, map[Flagged]Evaluations{{"a", "f"}: {Yes: 3, No: 6}}, buffer.Stats().Flags)
	require.False(t, buffer.Full())

	taken := buffer.Take()
	require.Equal(t, Count{Yes: 2, No: 4, Variants: map[string]int64{"red": 2}}, taken.Counts[key])
	require.Equal(t, batch.Instances, taken.Instances)
	require.InDelta(t, 2, taken.Impact[Series{Name: "n"}].Value, 0)
	require.Equal(t, batch.Tokens, taken.Tokens)
	require.Equal(t, int64(1), batch.Counts[key].Variants["red"], "what was added is left as it was")

	buffer.maxCounts = 1
	buffer.Return(taken)
	require.True(t, buffer.Full())
	buffer.Used(TokenUse{Environment: "other"})
	require.Len(t, buffer.Take().Tokens, 2)

	for i := range MaxFlags + 5 {
		buffer.Tally(Batch{Counts: map[Key]Count{{Feature: string(rune('a' + i)), App: "a"}: {Yes: 1}}})
	}
	stats := buffer.Stats()
	require.Len(t, stats.Flags, MaxFlags+1)
	require.Equal(t, uint64(5), stats.Flags[Flagged{"a", OtherFlags}].Yes)
}
