package usage

import "maps"

// Stats is what a buffer holds and has seen since it was made.
type Stats struct {
	Counts, Instances, Series int // held now, at most CountsMax, InstancesMax and SeriesMax

	CountsMax, InstancesMax, SeriesMax int

	Dropped uint64                 // reports beyond the limits
	Apps    map[string]Evaluations // reported, by application; those beyond MaxApps as OtherApps

	// Flags are the same by application and flag; nil unless TellFlagsApart was called. Those beyond MaxFlags count as
	// OtherFlags of their application.
	Flags map[Flagged]Evaluations
}

// Evaluations is how often flags were on and off.
type Evaluations struct{ Yes, No uint64 }

// Flagged is a flag in an application.
type Flagged struct{ App, Feature string }

// Limits of Stats.
const (
	MaxApps    = 100
	OtherApps  = "other"
	MaxFlags   = 1000
	OtherFlags = "other"
)

// Stats returns the buffer's figures.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{
		Counts: len(b.batch.Counts), Instances: len(b.batch.Instances), Series: len(b.batch.Impact),
		CountsMax: b.maxCounts, InstancesMax: b.maxInstances, SeriesMax: b.maxSeries,
		Dropped: b.dropped, Apps: maps.Clone(b.apps), Flags: maps.Clone(b.flags),
	}
}

// TellFlagsApart has Stats.Flags kept. It comes before the first report.
func (b *Buffer) TellFlagsApart() { b.flags = map[Flagged]Evaluations{} }

// Tally counts a batch in Stats that is delivered past the buffer.
func (b *Buffer) Tally(batch Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, count := range batch.Counts {
		b.tally(key, count)
	}
}

func (b *Buffer) tally(key Key, count Count) {
	app := key.App
	if _, known := b.apps[app]; !known && len(b.apps) >= MaxApps {
		app = OtherApps
	}
	b.apps[app] = b.apps[app].plus(count)
	if b.flags == nil {
		return
	}
	of := Flagged{app, key.Feature}
	if _, known := b.flags[of]; !known && len(b.flags) >= MaxFlags {
		of.Feature = OtherFlags
	}
	b.flags[of] = b.flags[of].plus(count)
}

func (e Evaluations) plus(count Count) Evaluations {
	e.Yes += uint64(max(count.Yes, 0))
	e.No += uint64(max(count.No, 0))
	return e
}
