package replica

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/eval"
)

// Source feeds a Sink with the state of all environments and then with every change, in order, until ctx ends. The server's
// Source reads PostgreSQL's change log, the edge's an upstream server. Run reconnects by itself and returns only when ctx
// is done or the configuration can never work.
type Source interface {
	Run(ctx context.Context, sink Sink) error
}

// Sink takes what a Source reads. A Source calls it from one goroutine. The first call is Reset.
type Sink interface {
	// Reset replaces everything: at the start, after a resync row, after a gap the log no longer covers, or after a fork.
	Reset(Snapshot)

	// Apply moves the state from the previous revision to the delta's. Rows are those of whole transactions.
	Apply(Delta)
}

// Kind is what a row of the change log is about.
type Kind string

// The kinds of change-log rows (see db/migrations, change_log).
const (
	KindFeature            Kind = "feature"
	KindSegment            Kind = "segment"
	KindProject            Kind = "project"
	KindProjectEnvironment Kind = "project-environment"
	KindEnvironment        Kind = "environment"
	KindToken              Kind = "token"
	KindSetting            Kind = "setting"
	KindResync             Kind = "resync"
)

// Row is one row of the change log. Empty Project or Environment means that the row names none: all are concerned.
type Row struct {
	Revision    int64
	Mark        uint32 // the first four bytes of the transaction's mark, big-endian; never 0 (0 is stored as 1)
	Kind        Kind
	Entity      string
	Project     string
	Environment string
	At          time.Time // when the row was written, just before its commit
}

// Feature is one flag in one environment: what SDKs get, and the tags they may select by.
type Feature struct {
	eval.Feature
	Tags []Tag
}

// Tag is a label of a flag.
type Tag struct {
	Type  string
	Value string
}

// Snapshot is the whole state at one revision, read in one instant.
type Snapshot struct {
	// Log holds the retained rows of the change log up to the snapshot's revision, ascending. The last one is the
	// snapshot's revision. It lets clients resume across a restart of the server.
	Log []Row

	// Forked says that history does not continue the one this Sink has seen (a restore, a fail-over): no cursor handed
	// out before may be resumed from.
	Forked bool

	Environments map[string][]Feature // every environment, its unarchived flags in any order
	Segments     []eval.Segment
}

// Delta is what changed between two revisions, as state rather than as operations: each entity appears at most once, as
// it is at the last row's revision.
type Delta struct {
	// Rows are ascending. There may be none where nothing of the delta is news to readers at the present revision: what it
	// creates or changes was not there to be read before (EnvironmentsCreated, and what lies in Gaps that nobody is before).
	Rows []Row

	// Features that were named by the rows, with their state in each environment concerned.
	Features []FeatureChange
	Segments []SegmentChange

	// Created environments with all their flags, and deleted ones. An environment in both was recreated.
	EnvironmentsCreated map[string][]Feature
	EnvironmentsDeleted []string

	// Departures and Gaps are for Sources whose rows do not tell what they concern.
	Departures []Departure
	Gaps       []Gap
}

// FeatureChange is the state of a named flag in one environment.
type FeatureChange struct {
	Environment string
	Name        string
	Feature     *Feature // nil: archived, deleted, or its project archived
	Revision    int64    // of the newest row that concerned it
}

// SegmentChange is the state of a segment.
type SegmentChange struct {
	ID       int
	Segment  *eval.Segment // nil: deleted
	Revision int64
}
