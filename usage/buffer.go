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
	maxTokens           = 50_000
)

// Buffer merges reports until they are taken out. It is safe for concurrent use and never blocks on I/O.
type Buffer struct {
	maxCounts    int
	maxInstances int
	maxSeries    int

	mu    sync.Mutex
	batch Batch // mu

	// What was reported since the start; see Stats.
	dropped uint64                  // mu
	apps    map[string]Evaluations  // mu
	flags   map[Flagged]Evaluations // mu; nil: not told apart
}

func (b *Buffer) drop() {
	b.batch.Dropped++
	b.dropped++
}

// NewBuffer makes an empty buffer with the default limits.
func NewBuffer() *Buffer {
	return &Buffer{
		maxCounts: DefaultMaxCounts, maxInstances: DefaultMaxInstances, maxSeries: DefaultMaxSeries,
		batch: NewBatch(), apps: map[string]Evaluations{},
	}
}

// Count adds to the counts of key.
func (b *Buffer) Count(key Key, count Count) {
	key.Hour = Hour(key.Hour)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tally(key, count)
	b.add(key, count)
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
	b.batch = NewBatch()
	return taken
}

// Used notes that a token was used.
func (b *Buffer) Used(use TokenUse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.use(use)
}

// Add merges a batch that was not in the buffer before.
func (b *Buffer) Add(batch Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, count := range batch.Counts {
		b.tally(key, count)
		b.add(key, count)
	}
	for _, instance := range batch.Instances {
		b.see(instance)
	}
	for series, m := range batch.Impact {
		b.measure(series, m)
	}
	for use := range batch.Tokens {
		b.use(use)
	}
}

// Full reports whether new counts would be dropped.
func (b *Buffer) Full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.batch.Counts) >= b.maxCounts
}

// Peek copies the counts and instances that Take would return.
func (b *Buffer) Peek() Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	copied := Batch{Counts: maps.Clone(b.batch.Counts), Instances: maps.Clone(b.batch.Instances)}
	for key, count := range copied.Counts {
		count.Variants = maps.Clone(count.Variants)
		copied.Counts[key] = count
	}
	return copied
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
	for use := range batch.Tokens {
		b.use(use)
	}
	b.batch.Dropped += batch.Dropped
}

func (b *Buffer) use(of TokenUse) {
	if _, known := b.batch.Tokens[of]; !known && len(b.batch.Tokens) >= maxTokens {
		return // it will be used again
	}
	b.batch.Tokens[of] = struct{}{}
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
