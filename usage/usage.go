// Package usage collects what SDKs report: how often each flag was asked for, and which application instances there are.
//
// A Buffer merges reports in memory, by flag, application, environment and hour, so that a thousand SDKs make a few rows.
// The server writes the merged batches to PostgreSQL, the edge forwards them upstream. The Buffer is bounded: past its
// limits it counts what it drops instead of growing. Impact adds up what applications measure about themselves. The package
// is pure; it imports only the standard library.
package usage

import (
	"time"
)

// Count says how often a flag was evaluated, and how often each variant was given.
type Count struct {
	Yes, No  int64
	Variants map[string]int64
}

// Key is what counts are merged by. Hour is truncated to the hour, in UTC.
type Key struct {
	Feature     string
	App         string
	Environment string
	Hour        time.Time
}

// InstanceKey identifies a running copy of an application.
type InstanceKey struct {
	App         string
	Environment string
	ID          string
}

// Instance is what a running copy of an application says of itself. Empty fields are unknown and overwrite nothing.
type Instance struct {
	InstanceKey

	ConnectionID    string
	SDKVersion      string
	SDKType         string // "backend" or "frontend"
	PlatformName    string
	PlatformVersion string
	SpecVersion     string
	ClientIP        string
	Started         time.Time
	Strategies      []string // the strategy types it can evaluate; nil: not said
	SeenAt          time.Time
}

// TokenUse says that a token was used since it was told of last.
type TokenUse struct {
	Environment string   // the token's, or that of the token with which it was reported
	Hash        [32]byte // SHA-256 of the secret
}

// Batch is what a Buffer held at one moment.
type Batch struct {
	Counts    map[Key]Count
	Instances map[InstanceKey]Instance
	Impact    map[Series]Measurement
	Tokens    map[TokenUse]struct{}
	Dropped   int // reports beyond the limits since the last batch
}

// NewBatch makes an empty one.
func NewBatch() Batch {
	return Batch{
		Counts: map[Key]Count{}, Instances: map[InstanceKey]Instance{}, Impact: map[Series]Measurement{}, Tokens: map[TokenUse]struct{}{},
	}
}

// Empty reports whether there is nothing to deliver.
func (b Batch) Empty() bool {
	return len(b.Counts) == 0 && len(b.Instances) == 0 && len(b.Impact) == 0 && len(b.Tokens) == 0
}

// Hour truncates t to the hour counts are kept by.
func Hour(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// merge lays what next knows over what i knew.
func (i Instance) merge(next Instance) Instance {
	overwrite(&i.ConnectionID, next.ConnectionID)
	overwrite(&i.SDKVersion, next.SDKVersion)
	overwrite(&i.SDKType, next.SDKType)
	overwrite(&i.PlatformName, next.PlatformName)
	overwrite(&i.PlatformVersion, next.PlatformVersion)
	overwrite(&i.SpecVersion, next.SpecVersion)
	overwrite(&i.ClientIP, next.ClientIP)
	if next.Started.Unix() > 0 { // 1970 comes from edges that do not know
		i.Started = next.Started
	}
	if next.Strategies != nil {
		i.Strategies = next.Strategies
	}
	if next.SeenAt.After(i.SeenAt) {
		i.SeenAt = next.SeenAt
	}
	return i
}

func overwrite(field *string, value string) {
	if value != "" {
		*field = value
	}
}
