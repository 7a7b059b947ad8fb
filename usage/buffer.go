package usage

import (
	"maps"
	"sync"
)

// Limits of a Buffer: enough for every flag of a large instance in every application, small enough for any container.
const (
	DefaultMaxCounts    = 200_000
	DefaultMaxInstances = 50_000
	maxVariants         = 100 // distinct variant names kept a flag and hour
)

// Buffer merges reports until they are taken out. It is safe for concurrent use and never blocks on I/O.
type Buffer struct {
	maxCounts    int
	maxInstances int
	maxSeries    int

	mu    sync.Mutex
	batch Batch // mu
	stats Stats // mu; the totals only
}

// Stats is what a buffer holds and has seen since it was made.
type Stats struct {
	Counts, Instances, Series int // held now, at most CountsMax, InstancesMax and SeriesMax

	CountsMax, InstancesMax, SeriesMax int

	Dropped uint64                 // reports beyond the limits
	Apps    map[string]Evaluations // reported, by application; those beyond MaxApps as OtherApps
}

// Evaluations is how often flags were on and off.
type Evaluations struct{ Yes, No uint64 }

// Limits of Stats.Apps.
const (
	MaxApps   = 100
	OtherApps = "other"
)

// Stats returns the buffer's figures.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats := b.stats
	stats.Apps = maps.Clone(stats.Apps)
	stats.Counts, stats.Instances, stats.Series = len(b.batch.Counts), len(b.batch.Instances), len(b.batch.Impact)
	stats.CountsMax, stats.InstancesMax, stats.SeriesMax = b.maxCounts, b.maxInstances, b.maxSeries
	return stats
}

func (b *Buffer) drop() {
	b.batch.Dropped++
	b.stats.Dropped++
}

// NewBuffer makes an empty buffer with the default limits.
func NewBuffer() *Buffer {
	return &Buffer{maxCounts: DefaultMaxCounts, maxInstances: DefaultMaxInstances, maxSeries: DefaultMaxSeries, batch: emptyBatch(), stats: Stats{Apps: map[string]Evaluations{}}}
}

func emptyBatch() Batch {
	return Batch{Counts: map[Key]Count{}, Instances: map[InstanceKey]Instance{}, Impact: map[Series]Measurement{}}
}

// Count adds to the counts of key.
func (b *Buffer) Count(key Key, count Count) {
	key.Hour = Hour(key.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tally(key.App, count)
	b.add(key, count)
}

func (b *Buffer) tally(app string, count Count) {
	of, known := b.stats.Apps[app]
	if !known && len(b.stats.Apps) >= MaxApps {
		app = OtherApps
		of = b.stats.Apps[app]
	}
	of.Yes += uint64(max(count.Yes, 0))
	of.No += uint64(max(count.No, 0))
	b.stats.Apps[app] = of
}

// Seen notes an instance, merged with what it said before.
func (b *Buffer) Seen(instance Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.see(instance)
}

// Take empties the buffer and returns what it held.
func (b *Buffer) Take() Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.batch
	b.batch = emptyBatch()
	return taken
}

// Return puts back a batch that could not be delivered. What came in meanwhile is newer and wins where it matters.
func (b *Buffer) Return(batch Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, count := range batch.Counts {
		b.add(key, count)
	}
	for key, older := range batch.Instances {
		if newer, known := b.batch.Instances[key]; known {
			b.batch.Instances[key] = older.merge(newer)
			continue
		}
		b.see(older)
	}
	for series, older := range batch.Impact {
		b.measureBack(series, older)
	}
	b.batch.Dropped += batch.Dropped
}

func (b *Buffer) add(key Key, count Count) {
	sum, known := b.batch.Counts[key]
	if !known && len(b.batch.Counts) >= b.maxCounts {
		b.drop()
		return
	}
	sum.Yes += count.Yes
	sum.No += count.No
	if len(count.Variants) > 0 && sum.Variants == nil {
		sum.Variants = make(map[string]int64, len(count.Variants))
	}
	for name, n := range count.Variants {
		if _, known := sum.Variants[name]; !known && len(sum.Variants) >= maxVariants {
			b.drop()
			continue
		}
		sum.Variants[name] += n
	}
	b.batch.Counts[key] = sum
}

func (b *Buffer) see(instance Instance) {
	known, seen := b.batch.Instances[instance.InstanceKey]
	if !seen && len(b.batch.Instances) >= b.maxInstances {
		b.drop()
		return
	}
	if seen {
		instance = known.merge(instance)
	}
	b.batch.Instances[instance.InstanceKey] = instance
}
