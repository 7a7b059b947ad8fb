package link

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// Path is where the link is served: GET, upgraded to a WebSocket.
const Path = "/api/client/edge/link"

// Bounds of what an edge may send. A link that goes beyond them is closed with 1008 or, for MaxFrame, 1009.
const (
	MaxFrame   = 1 << 20 // bytes of one frame: some 12,000 tokens to watch, so split longer lists
	MaxScopes  = 1_000   // of one link
	MaxWatches = 100_000 // of one link
)

// MaxLogRows is how many rows of the change log a frame lists; of more, the newest.
const MaxLogRows = 10_000

// Types of the frames an edge sends.
const (
	TypeHello   = "hello"   // first: AppName, InstanceID, Version, Cursor, Scopes
	TypeJoin    = "join"    // Scopes; none of them counts as held
	TypeLeave   = "leave"   // IDs
	TypeAck     = "ack"     // Cursor
	TypeWatch   = "watch"   // Tokens
	TypeUnwatch = "unwatch" // Tokens
)

// Types of the frames a server sends.
const (
	TypeWelcome = "welcome" // first: Version, AckEvery
	TypeChanges = "changes" // Cursor, At, Log, Scopes
	TypeRefused = "refused" // ID, Status, Message
	TypeToken   = "token"   // Hash, State
	TypeRetry   = "retry"   // Data
)

// FromEdge is any frame that an edge sends. Which fields count depends on Type.
type FromEdge struct {
	Type string `json:"type"`

	AppName    string `json:"appName,omitempty"`
	InstanceID string `json:"instanceId,omitempty"`
	Version    string `json:"version,omitempty"`

	// Cursor is, in a hello, where all scopes stand that are marked as held (empty: nowhere), and in an ack the cursor of
	// the newest frame that was applied and of which the edge's own clients were told. Acks are cumulative.
	Cursor string `json:"cursor,omitempty"`

	Scopes []Subscription `json:"scopes,omitempty"`
	IDs    []int          `json:"ids,omitempty"`

	// Tokens are those that the edge has accepted for its own clients, each as Watched writes it.
	Tokens []string `json:"tokens,omitempty"`
}

// Subscription asks for what one token sees.
type Subscription struct {
	ID    int    `json:"id"` // chosen by the edge, unique in the link
	Token string `json:"token"`

	// Held says that the edge holds what Environment and Projects see, as of the hello's cursor. It counts only if that is
	// still what the token sees; otherwise the scope starts with a hydration.
	Held        bool     `json:"held,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Projects    []string `json:"projects,omitempty"`
}

// FromServer is any frame that a server sends. Which fields count depends on Type.
type FromServer struct {
	Type string `json:"type"`

	Version  string `json:"version,omitempty"`  // of the server
	AckEvery int    `json:"ackEvery,omitempty"` // milliseconds between two acks at least; the first one is sent at once

	// Cursor is where every scope stands after the frame, those that it does not name too. At is when the newest row of
	// the change log up to there was written, on the database's clock; nil: not known.
	Cursor string     `json:"cursor,omitempty"`
	At     *time.Time `json:"at,omitempty"`

	// Log lists, ascending, the rows of the change log after the cursor of the last frame, up to this one's, that can be
	// resumed from: all of them but in rare cases. It ends with Cursor; only where the cursor has not moved it is empty.
	// Without a log (nil), nobody can resume from a cursor before this one, and all scopes begin with a hydration.
	Log []LogRow `json:"log,omitzero"`

	Scopes []ScopeEvents `json:"scopes,omitempty"`

	ID      int    `json:"id,omitempty"`
	Status  int    `json:"status,omitempty"` // 401, 403; 503: ask again with a join
	Message string `json:"message,omitempty"`

	Hash  string     `json:"hash,omitempty"` // SHA-256 of the token's secret in lower-case hexadecimal
	State TokenState `json:"state,omitempty"`

	Data int64 `json:"data,omitempty"` // milliseconds to wait before the next link
}

// ScopeEvents is what changes in one scope. Events is a JSON array of events as in GET /api/client/delta, to be applied in
// order, and of feature-left (featureName, project): the flag has left that project, which matters only to those who see that
// project alone. If the first one is a hydration it is all the scope holds, and cursors before the frame's cannot be resumed from
// in this scope, whatever the log says of other scopes.
type ScopeEvents struct {
	ID          int             `json:"id"`
	Environment string          `json:"environment"`
	Projects    []string        `json:"projects"`
	Events      json.RawMessage `json:"events"`
}

// Watched names a token in a watch, by the SHA-256 sum of its secret. Known is what the edge takes it for: if it sees
// something else on the server, the answer to the watch is Changed. Nil: whatever it is.
func Watched(sum [sha256.Size]byte, known *token.Token) string {
	name := hex.EncodeToString(sum[:])
	if known == nil {
		return name
	}
	return name + ":" + fingerprint(known)
}

// fingerprint is short and tells tokens apart that see different things.
func fingerprint(known *token.Token) string {
	sum := sha256.Sum256([]byte(string(known.Kind) + "\x00" + known.Scope.Key()))
	return hex.EncodeToString(sum[:8])
}

// parseWatched reads what Watched writes; seen is empty where nothing is known.
func parseWatched(text string) (sum [sha256.Size]byte, seen string, ok bool) {
	name, seen, _ := strings.Cut(text, ":")
	if len(name) != hex.EncodedLen(len(sum)) {
		return sum, "", false
	}
	_, err := hex.Decode(sum[:], []byte(name))
	return sum, seen, err == nil
}

// TokenState says what has become of a token. It ends the watch: an edge that goes on accepting the token has to ask about
// it (POST /edge/validate) and watch it again.
type TokenState string

// The states of tokens.
const (
	Revoked TokenState = "revoked" // deleted: nobody may use it any more
	Expired TokenState = "expired" // the same, as its time is over
	Changed TokenState = "changed" // it sees something else now, or cannot be checked at the moment
	Unknown TokenState = "unknown" // the answer to a watch: no such token here, or not yet
)

// LogRow is a row of the change log: [revision, "mark in hexadecimal"].
type LogRow replica.Cursor

// MarshalJSON implements json.Marshaler.
func (r LogRow) MarshalJSON() ([]byte, error) { return r.append(nil), nil }

func (r LogRow) append(b []byte) []byte {
	b = append(b, '[')
	b = strconv.AppendInt(b, r.Revision, 10)
	b = append(b, `,"`...)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r.Mark>>shift&15])
	}
	return append(b, `"]`...)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *LogRow) UnmarshalJSON(data []byte) error {
	var mark string
	parts := []any{&r.Revision, &mark}
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("row of the change log: %w", err)
	}
	n, err := strconv.ParseUint(mark, 16, 32)
	if err != nil || len(parts) < 2 {
		return errors.New("row of the change log: no mark")
	}
	r.Mark = uint32(n)
	return nil
}
