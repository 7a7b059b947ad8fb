package usage

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultMaxSeries is how many series of impact metrics are kept.
	DefaultMaxSeries = 10_000

	// silentFor is how long a series must not have been reported to make room for new ones.
	silentFor = time.Hour
)

// Impact adds up impact metrics over the life of the process, for whoever scrapes them. It is bounded: past its limit it
// forgets series that are no longer reported, and refuses new ones if there are none. It is safe for concurrent use.
type Impact struct {
	maxSeries int
	now       func() time.Time

	mu       sync.Mutex
	families map[string]*family
	series   int
	swept    time.Time
	dropped  int64
}

// family is what all series of a name share.
type family struct {
	kind   Kind
	help   string
	series map[Labels]*totalled
}

type totalled struct {
	measured Measurement
	at       time.Time
}

// NewImpact makes an empty one with the default limit.
func NewImpact() *Impact {
	return &Impact{maxSeries: DefaultMaxSeries, now: time.Now, families: map[string]*family{}}
}

// Add adds what was measured. Series whose name is known as another kind are left out and counted as dropped.
func (i *Impact) Add(measured map[Series]Measurement) {
	if len(measured) == 0 {
		return
	}
	now := i.now()
	i.mu.Lock()
	defer i.mu.Unlock()
	for series, m := range measured {
		if !i.add(series, m, now) {
			i.dropped++
		}
	}
}

func (i *Impact) add(series Series, m Measurement, now time.Time) bool {
	of := i.families[series.Name]
	if of != nil && of.kind != m.Kind {
		return false
	}
	if of != nil {
		if known := of.series[series.Labels]; known != nil {
			known.measured, known.at = known.measured.merge(m), now
			return true
		}
	}
	if i.series >= i.maxSeries && !i.makeRoom(now) {
		return false
	}
	if of = i.families[series.Name]; of == nil { // making room may have removed it
		of = &family{kind: m.Kind, series: map[Labels]*totalled{}}
		i.families[series.Name] = of
	}
	of.help = cmp.Or(of.help, m.Help)
	of.series[series.Labels] = &totalled{m, now}
	i.series++
	return true
}

// makeRoom forgets silent series, at most once a minute as it looks at all of them.
func (i *Impact) makeRoom(now time.Time) bool {
	if now.Sub(i.swept) < time.Minute {
		return false
	}
	i.swept = now
	for name, of := range i.families {
		for key, known := range of.series {
			if now.Sub(known.at) > silentFor {
				delete(of.series, key)
				i.series--
			}
		}
		if len(of.series) == 0 {
			delete(i.families, name)
		}
	}
	return i.series < i.maxSeries
}

// Dropped is how many reports of series were left out since the start.
func (i *Impact) Dropped() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dropped
}

// ImpactFamily is an impact metric with all its series.
type ImpactFamily struct {
	Name   string
	Help   string
	Kind   Kind
	Series []ImpactSeries // in order of labels
}

// ImpactSeries is a series and what it adds up to.
type ImpactSeries struct {
	Labels   Labels
	Measured Measurement
}

// Families lists everything, in order of name.
func (i *Impact) Families() []ImpactFamily {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]ImpactFamily, 0, len(i.families))
	for name, of := range i.families {
		shown := ImpactFamily{Name: name, Help: of.help, Kind: of.kind, Series: make([]ImpactSeries, 0, len(of.series))}
		for labels, known := range of.series {
			shown.Series = append(shown.Series, ImpactSeries{labels, known.measured})
		}
		slices.SortFunc(shown.Series, func(a, b ImpactSeries) int { return strings.Compare(string(a.Labels), string(b.Labels)) })
		list = append(list, shown)
	}
	slices.SortFunc(list, func(a, b ImpactFamily) int { return strings.Compare(a.Name, b.Name) })
	return list
}
