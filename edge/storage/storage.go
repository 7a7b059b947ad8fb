// Package storage is where an edge keeps what it knows for its next start: a folder, Redis, or a bucket that speaks S3.
//
// What is kept is one object of bytes that only package edge understands. A Storage replaces it as a whole: whoever reads
// sees the old one or the new one.
package storage

import (
	"context"
	"time"
)

// Name is an object's name; each Storage has its own way to spell it.
type Name int

// The objects.
const (
	Backup           Name = iota // what pennon edge keeps
	ImportedFeatures             // what Unleash Edge has left: the flags of each environment
	ImportedTokens               // and its tokens, with their secrets in clear
)

// Storage keeps a few objects. It is used by one goroutine at a time. All calls end soon after ctx is done.
type Storage interface {
	// Prepare fails if the storage cannot be used.
	Prepare(ctx context.Context) error
	// Load reads an object and tells when it was written, zero if that is not known. It returns an error that is
	// fs.ErrNotExist when there is none.
	Load(ctx context.Context, name Name) (content []byte, written time.Time, err error)
	// Save replaces the backup as a whole.
	Save(ctx context.Context, content []byte) error
	// Close gives back what the storage holds.
	Close() error
	// Spell tells where an object is, for people to read. It has no secrets.
	Spell(name Name) string
}
