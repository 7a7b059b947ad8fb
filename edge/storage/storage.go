// Package storage is where an edge keeps what it knows for its next start: a folder, Redis, or a bucket that speaks S3.
//
// What is kept is one object of bytes that only package edge understands. A Storage replaces it as a whole: whoever reads
// sees the old one or the new one.
package storage

import (
	"context"
	"time"
)

// Object is something that is kept. Each Storage has its own way to spell it.
type Object struct {
	Kind    Kind
	Version int // of a backup's format
}

// Kind is what an Object is.
type Kind int

// The kinds.
const (
	Backup           Kind = iota // what pennon edge keeps
	ImportedFeatures             // what Unleash Edge has left: the flags of each environment
	ImportedTokens               // and its tokens, with their secrets in clear
)

// Storage keeps a few objects. It is used by one goroutine at a time. Calls end soon after ctx is done.
type Storage interface {
	// Prepare fails if the storage can never be used as it is configured. That it cannot be reached now is no reason.
	Prepare(ctx context.Context) error
	// Load reads an object and tells when it was written, zero if that is not known. It returns an error that is
	// fs.ErrNotExist when there is none.
	Load(ctx context.Context, object Object) (content []byte, written time.Time, err error)
	// Save replaces an object as a whole.
	Save(ctx context.Context, object Object, content []byte) error
	// Close gives back what the storage holds.
	Close() error
	// Spell tells where an object is, for people to read. It has no secrets.
	Spell(object Object) string
}

// Open makes the storage of one edge. Owner is the same for edges that may take each other's place, and different for others
// that share the storage with them; it is made of letters, digits and dashes.
type Open func(owner string) (Storage, error)
