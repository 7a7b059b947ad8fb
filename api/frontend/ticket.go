package frontend

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
)

const (
	// ticketLife is how long a ticket opens streams. The streams themselves live on.
	ticketLife = 10 * time.Minute

	// maxTicket is how much a ticket may carry, in bytes: sealed it has to fit into a URL.
	maxTicket = 4 << 10

	// ticketPurpose is what the tickets are sealed for.
	ticketPurpose = "frontend-stream"

	paramTicket      = "ticket"
	paramLastEventID = "lastEventId"
)

// sealed is what a ticket carries: browsers' EventSource can send neither a header nor a body, and a URL is no place for
// secrets and personal data.
type sealed struct {
	Secret  string        `json:"s"`
	Expires int64         `json:"e"` // in milliseconds since 1970
	Context *eval.Context `json:"c"`
	Prefix  string        `json:"p,omitempty"`
	Tags    []replica.Tag `json:"t,omitempty"`
	Names   []string      `json:"n,omitempty"`
}

// issued is the answer to a request for a ticket.
type issued struct {
	Ticket    string    `json:"ticket" doc:"Opaque. It opens a stream for the context it was asked for with."`
	ExpiresAt time.Time `json:"expiresAt" doc:"When it no longer opens a stream."`
}

// ticket answers POST /api/frontend/stream/ticket.
func (h *streams) ticket(w http.ResponseWriter, r *http.Request) {
	var ask Ask
	if !Read(w, r, &ask) {
		return
	}
	if ask.Context.RemoteAddress == api.ClientIP(r) {
		ask.Context.RemoteAddress = "" // the one it comes back from counts
	}
	expires := time.Now().Add(ticketLife).UTC().Truncate(time.Millisecond)
	plain, err := json.Marshal(sealed{
		Secret: token.FromHeader(r.Header.Get("Authorization")), Expires: expires.UnixMilli(), Context: &ask.Context,
		Prefix: ask.Request.NamePrefix, Tags: ask.Request.Tags, Names: ask.Request.Names,
	})
	if err == nil && len(plain) > maxTicket {
		err = fault.New(fault.TooLarge, "The context is too large for a ticket, which holds %d bytes.", maxTicket)
	}
	if err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	body, err := json.Marshal(issued{h.Tickets.Seal(ticketPurpose, plain), expires})
	if err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	api.WriteJSON(w, r, body)
}

// ask is what the ticket asks for, on behalf of the token that r has passed with.
func (s *sealed) ask(r *http.Request, ask *Ask) {
	if known := api.TokenFrom(r.Context()); known != nil {
		ask.Request.Scope = known.Scope
	}
	ask.Request.NamePrefix, ask.Request.Tags, ask.Request.Names = s.Prefix, s.Tags, s.Names
	ask.Context = *s.Context
	if ask.Context.RemoteAddress == "" {
		ask.Context.RemoteAddress = api.ClientIP(r)
	}
}

type ticketKey struct{}

// ticketFrom returns the ticket that the request came with, or nil.
func ticketFrom(r *http.Request) *sealed {
	s, _ := r.Context().Value(ticketKey{}).(*sealed)
	return s
}

// Tickets returns middleware for PathStream that opens the ticket in a request's URL: behind it, the request has the secret
// that the ticket was asked for with in its Authorization header, for api.RequireToken to check as ever. A ticket that is
// forged or has expired is answered with 401. What concerns the stream itself and no context is taken out of the URL.
func Tickets(keys *ticket.Keys) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, lastEventID := takeParameters(r.URL)
			if lastEventID != "" && r.Header.Get("Last-Event-ID") == "" {
				r.Header.Set("Last-Event-ID", lastEventID)
			}
			if text != "" && r.Method != http.MethodOptions {
				s, ok := open(keys, text, time.Now())
				if !ok {
					api.WriteMessage(w, r, http.StatusUnauthorized, "The ticket has expired or is not valid. Ask for another one.")
					return
				}
				r.Header.Set("Authorization", s.Secret)
				r = r.WithContext(context.WithValue(r.Context(), ticketKey{}, s))
			}
			next.ServeHTTP(w, r)
		})
	}
}

func open(keys *ticket.Keys, text string, now time.Time) (s *sealed, ok bool) {
	plain, ok := keys.Open(ticketPurpose, text)
	if !ok {
		return nil, false
	}
	s = new(sealed)
	if err := json.Unmarshal(plain, s); err != nil || s.Context == nil {
		return nil, false
	}
	return s, now.UnixMilli() < s.Expires
}

// takeParameters takes the ticket and the last event's id out of the query, which is otherwise the context.
func takeParameters(u *url.URL) (ticket, lastEventID string) {
	if !strings.Contains(u.RawQuery, paramTicket) && !strings.Contains(u.RawQuery, paramLastEventID) {
		return "", ""
	}
	var rest []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, text, _ := strings.Cut(part, "=")
		if name != paramTicket && name != paramLastEventID {
			rest = append(rest, part)
			continue
		}
		if unescaped, err := url.QueryUnescape(text); err == nil && name == paramTicket {
			ticket = unescaped
		} else if err == nil {
			lastEventID = unescaped
		}
	}
	u.RawQuery = strings.Join(rest, "&")
	return ticket, lastEventID
}
