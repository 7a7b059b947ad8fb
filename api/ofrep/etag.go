package ofrep

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

const (
	// epochLength is how long the stream announced to a client stays the same.
	epochLength = 6 * time.Hour

	// ticketLife is how long a stream can be opened after its epoch. It is long, so that whoever comes back late finds a
	// stream; when it has passed, so has the epoch, and an If-None-Match of that epoch gets a full answer with the next one.
	ticketLife = 24 * time.Hour
)

// session is what bulk evaluation keeps of a client between its requests without keeping anything itself: the seed that its
// chance is drawn with rides in its ETag and in its ticket. Wherever no id decides, a client is answered the same until it
// forgets its ETag.
type session struct {
	seed uint32
}

// sessionOf continues the client's session or begins one.
func sessionOf(r *http.Request) session {
	for _, tag := range entityTags(r) {
		if _, _, seed, ok := parseETag(tag); ok {
			return session{seed}
		}
	}
	return session{rand.Uint32()}
}

// settle makes the context's evaluation a function of the context and the session. A browser without ids gets a session id,
// as from /api/frontend; what a server asks is evaluated as it stands.
func (s session) settle(c *eval.Context, kind token.Kind) {
	if kind == token.Frontend && c.UserID == "" && c.SessionID == "" {
		c.SessionID = "ofrep-" + strconv.FormatUint(uint64(s.seed), 16)
	}
	seed := s.seed
	c.Random = func(feature string, n uint32) uint32 {
		var text [128]byte // enough for most
		at := strconv.AppendUint(text[:0], uint64(seed), 16)
		at = append(at, ':')
		at = strconv.AppendUint(at, uint64(n), 16)
		at = append(at, ':')
		at = append(at, feature...)
		return uint32(xxhash.Sum64(at)>>32) % n
	}
}

// etag makes the tag of an answer: a hash of everything that was evaluated, the epoch of the stream that is announced with
// it, and the session.
func etag(output uint64, epoch string, s session) string {
	return fmt.Sprintf(`"%016x-%s-%08x"`, output, epoch, s.seed)
}

// parseETag reads a tag without its quotes.
func parseETag(tag string) (output uint64, epoch string, seed uint32, ok bool) {
	hash, rest, found := strings.Cut(tag, "-")
	if !found {
		return 0, "", 0, false
	}
	epoch, last, found := strings.Cut(rest, "-")
	if !found || len(hash) != 16 || len(last) != 8 {
		return 0, "", 0, false
	}
	output, err := strconv.ParseUint(hash, 16, 64)
	if err != nil {
		return 0, "", 0, false
	}
	number, err := strconv.ParseUint(last, 16, 32)
	return output, epoch, uint32(number), err == nil
}

// entityTags are those of If-None-Match, without quotes and weak marks.
func entityTags(r *http.Request) []string {
	var tags []string
	for _, line := range r.Header.Values("If-None-Match") {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			if part != "" {
				tags = append(tags, part)
			}
		}
	}
	return tags
}

// noneMatches reports whether If-None-Match names the tag. Tags are compared weakly.
func noneMatches(r *http.Request, tag string) bool {
	tag = strings.Trim(tag, `"`)
	for _, have := range entityTags(r) {
		if have == "*" || have == tag {
			return false
		}
	}
	return true
}

// ticketPurpose keeps these tickets apart from others.
const ticketPurpose = "ofrep-stream"

// maxTicket is how long a ticket may be, in characters: a request line must fit what servers and proxies take. Clients with
// a larger context are offered no stream.
const maxTicket = 6 << 10

// claim is what a ticket holds: for whom the stream is, and what it watches.
type claim struct {
	Secret  string       `json:"s"`
	Seed    uint32       `json:"r"`
	Expires int64        `json:"e"` // Unix seconds
	Context claimContext `json:"c"`
}

// claimContext is an eval.Context without what the server adds itself. The same context gives the same text.
type claimContext struct {
	UserID        string            `json:"u,omitempty"`
	SessionID     string            `json:"s,omitempty"`
	RemoteAddress string            `json:"r,omitempty"`
	AppName       string            `json:"a,omitempty"`
	Environment   string            `json:"n,omitempty"`
	CurrentTime   string            `json:"t,omitempty"`
	Properties    map[string]string `json:"p,omitempty"`
}

func claimOf(c *eval.Context) claimContext {
	claimed := claimContext{
		UserID: c.UserID, SessionID: c.SessionID, RemoteAddress: c.RemoteAddress, AppName: c.AppName, Environment: c.Environment,
		Properties: c.Properties,
	}
	if !c.CurrentTime.IsZero() {
		claimed.CurrentTime = c.CurrentTime.Format(time.RFC3339Nano)
	}
	return claimed
}

func (c claimContext) context() eval.Context {
	context := eval.Context{
		UserID: c.UserID, SessionID: c.SessionID, RemoteAddress: c.RemoteAddress, AppName: c.AppName,
		Environment: c.Environment, Properties: c.Properties,
	}
	if c.CurrentTime != "" {
		context.SetCurrentTime(c.CurrentTime)
	}
	return context
}

// admission is the stream a client is offered.
type admission struct {
	epoch  string // what changes when ticket does
	ticket string // empty: none
}

// admit gives the ticket of the client's epoch. Epochs begin at another time for each client, so that not all of them renew
// at once.
func (h *Handler) admit(secret string, c *eval.Context, s session) admission {
	if !h.pushes() {
		return admission{epoch: "0"}
	}
	claimed := claim{Secret: secret, Seed: s.seed, Context: claimOf(c)}
	plain, err := json.Marshal(claimed) //nolint:gosec // the secret is sealed
	if err != nil {                     // strings and numbers always marshal
		panic(err)
	}
	shift := time.Duration(xxhash.Sum64(plain) % uint64(epochLength))
	number := int64(h.now().Add(shift).Sub(time.Unix(0, 0)) / epochLength)
	end := time.Unix(0, 0).Add(time.Duration(number+1)*epochLength - shift)
	claimed.Expires = end.Add(ticketLife).Unix()
	if plain, err = json.Marshal(claimed); err != nil { //nolint:gosec // the same
		panic(err)
	}
	offered := admission{
		epoch:  strconv.FormatInt(number, 36) + "." + h.config.Tickets.Fingerprint(),
		ticket: h.config.Tickets.Seal(ticketPurpose, plain),
	}
	if len(offered.ticket) > maxTicket {
		offered.ticket = ""
	}
	return offered
}

// open reads a ticket that is still valid.
func (h *Handler) open(text string) (c claim, ok bool) {
	plain, ok := h.config.Tickets.Open(ticketPurpose, text)
	if !ok || json.Unmarshal(plain, &c) != nil || h.now().Unix() >= c.Expires {
		return claim{}, false
	}
	return c, true
}
