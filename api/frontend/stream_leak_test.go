package frontend_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
)

// hostile draws flags whose every part but name, variants and payloads says that it is a secret.
type hostile struct{ *rand.Rand }

func (h hostile) user() string { return fmt.Sprintf("ctx-%d", h.IntN(4)) }

func (h hostile) constraint() eval.Constraint {
	return eval.Constraint{ContextName: "userId", Operator: "IN", Values: []string{h.user(), h.user(), "secret-value"}}
}

func (h hostile) feature() replica.Feature {
	project, description, kind := "mine", "secret-description", "secret-type"
	name := fmt.Sprintf("flag-%d", h.IntN(8))
	if h.IntN(3) == 0 {
		project, name = "theirs", fmt.Sprintf("hidden-%d", h.IntN(3))
	}
	f := replica.Feature{Feature: eval.Feature{
		Name: name, Project: project, Enabled: h.IntN(5) > 0, Description: &description, Type: kind,
		Strategies: []eval.Strategy{{
			Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "groupId": "secret-group", "stickiness": "userId"},
			Constraints: []eval.Constraint{h.constraint()},
		}},
	}, Tags: []replica.Tag{{Type: "secret-tag", Value: "secret-tag"}}}
	switch h.IntN(4) {
	case 0:
		f.Strategies[0].Segments = []int{1}
	case 1:
		f.Dependencies = []eval.Dependency{{Feature: fmt.Sprintf("hidden-%d", h.IntN(3))}}
	case 2:
		f.Variants = []eval.Variant{
			{Name: "shown", Weight: 1, Stickiness: "secret-stickiness", Payload: &eval.Payload{Type: "string", Value: "shown"}},
			{Name: "secret-variant", Weight: 0, Overrides: []eval.Override{{ContextName: "secret-field", Values: []string{"secret-override"}}}},
		}
	}
	return f
}

var flagName = regexp.MustCompile(`flag-\d|hidden-\d|secret|ctx-\d`)

// TestNothingButAnswersLeavesTheServer looks at every byte of every answer and stream: it holds no part of a rule, no
// segment, no value of any context, and no name of a flag that has not been on for this context in what the token may see.
func TestNothingButAnswersLeavesTheServer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := hostile{rand.New(rand.NewPCG(seed, 3))}
			segment := eval.Segment{ID: 1, Name: "secret-segment", Constraints: []eval.Constraint{h.constraint()}}
			s := newStreaming(t, sse.Config{}, []eval.Segment{segment}, h.feature())
			type watcher struct {
				query  string
				stream *listener
				seen   map[string]bool // flags that have been on
				wire   string
			}
			var watchers []*watcher
			for i := range 6 {
				query := url.Values{"userId": {h.user()}, "sessionId": {"secret-session"}, "properties[plan]": {"secret-plan"}}.Encode()
				w := &watcher{query: query, seen: map[string]bool{}}
				if i%2 == 0 {
					w.stream = s.listen(t, http.MethodGet, frontend.PathStream+"?"+query, "", "Authorization", "mine")
				} else {
					user, _ := url.ParseQuery(query)
					body := fmt.Sprintf(`{"context":{"userId":%q,"sessionId":"secret-session","properties":{"plan":"secret-plan"}}}`, user.Get("userId"))
					sealed := s.ticket(t, "mine", body)
					w.wire += sealed
					w.stream = s.listen(t, http.MethodGet, frontend.PathStream+"?ticket="+sealed, "")
				}
				w.stream.next()
				watchers = append(watchers, w)
			}
			note := func() {
				for _, w := range watchers {
					_, text := s.read(t, http.MethodGet, "/api/frontend?"+w.query, "", "Authorization", "mine")
					w.wire += text
					for _, name := range regexp.MustCompile(`"name":"(flag-\d)"`).FindAllStringSubmatch(text, -1) {
						w.seen[name[1]] = true
					}
				}
			}
			note()
			for range 60 {
				s.put(h.feature())
				note()
			}
			s.put(open("sentinel", "mine"))
			for _, w := range watchers {
				w.stream.until("sentinel")
				for _, found := range flagName.FindAllString(w.stream.raw.String()+w.wire, -1) {
					require.True(t, w.seen[found], found)
				}
				_, text := s.read(t, http.MethodGet, "/api/frontend?"+w.query, "", "Authorization", "mine")
				for _, toggle := range w.stream.held {
					require.Contains(t, text, toggle)
				}
			}
		})
	}
}

func TestUnaffectedStreamsGetNoBytes(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"))
	affected := s.listen(t, http.MethodGet, frontend.PathStream+"?userId=1&sessionId=s", "", "Authorization", "mine")
	spared := s.listen(t, http.MethodGet, frontend.PathStream+"?userId=2&sessionId=s", "", "Authorization", "mine")
	affected.next()
	spared.next()
	for i := range 50 {
		s.put(only("b", "mine", fmt.Sprint(1+10*(i%2))))
	}
	s.put(only("b", "mine"))
	s.put(only("c", "mine", "1"))
	affected.until("c")
	s.put(open("d", "mine"))
	before := spared.raw.String()
	_, data, _ := spared.next()
	require.Contains(t, data, `"name":"d"`)
	require.Equal(t, 2, spared.events)
	require.Regexp(t, `^event: update\nid: \S+\ndata: [^\n]+\n\n$`, spared.raw.String()[len(before):], "nothing came before it, not even a comment")
}
