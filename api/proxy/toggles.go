package proxy

import (
	"cmp"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// toggles answers with the flags that are on, or with all of them.
func (h *handler) toggles(w http.ResponseWriter, r *http.Request, known *token.Token, c *eval.Context, all bool) {
	set, loaded := h.Flags.Evaluate(evaluation.Request{Scope: known.Scope}, c)
	if !loaded {
		writeText(w, r, http.StatusServiceUnavailable, textHTML, notReady)
		return
	}
	w.Header()["Cache-control"] = headerCacheable
	sheet := h.sheet(set)
	tag, kept := sheet.tag(set, all)
	if kept && unchanged(w, r, tag) {
		return
	}
	body := bodies.Get().(*[]byte)
	defer bodies.Put(body)
	*body = sheet.append((*body)[:0], set, all)
	if !kept {
		tag = etag(*body)
		sheet.keep(set, all, tag)
		if unchanged(w, r, tag) {
			return
		}
	}
	writeTagged(w, r, http.StatusOK, jsonType, *body, tag)
}

// bodies hold answers while they are written.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// named answers for each of names, in their order, those that nobody knows as off; and counts each.
func (h *handler) named(w http.ResponseWriter, r *http.Request, known *token.Token, c *eval.Context, names []string) {
	set, loaded := h.Flags.Evaluate(evaluation.Request{Scope: known.Scope, Names: names}, c)
	if !loaded {
		writeText(w, r, http.StatusServiceUnavailable, textHTML, notReady)
		return
	}
	app := cmp.Or(client.Clean(c.AppName), h.AppName)
	hour := usage.Hour(time.Now())
	b := []byte(`{"toggles":[`)
	for i, name := range names {
		toggle, listed := set.Toggle(name)
		if !listed {
			toggle = evaluation.Toggle{Name: name}
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = appendToggle(b, &toggle, true, true)
		if name = client.Clean(name); name != "" {
			h.Usage.Count(usage.Key{Feature: name, App: app, Environment: known.Scope.Environment, Hour: hour}, countOf(toggle.Result))
		}
	}
	h.writeToggles(w, r, append(b, `]}`...))
}

// countOf is one lookup with that result.
func countOf(result eval.Result) usage.Count {
	if !result.Enabled {
		return usage.Count{No: 1, Variants: map[string]int64{result.VariantResult().Name: 1}}
	}
	return usage.Count{Yes: 1, Variants: map[string]int64{client.Clean(result.VariantResult().Name): 1}}
}

func (h *handler) writeToggles(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header()["Cache-control"] = headerCacheable
	writeBody(w, r, http.StatusOK, jsonType, body)
}

// headerCacheable goes under the legacy proxy's own spelling of Cache-Control. It must not be changed.
var headerCacheable = []string{"public, max-age=2"}

// appendToggle writes one flag in the legacy proxy's order of fields. Flags that are off lack featureEnabled in lists
// (twin is false), and flags of an old upstream impressionData.
func appendToggle(b []byte, toggle *evaluation.Toggle, impression, twin bool) []byte {
	on := toggle.Result.Enabled
	b = append(b, `{"name":`...)
	b = replica.AppendString(b, toggle.Name)
	b = append(b, `,"enabled":`...)
	b = strconv.AppendBool(b, on)
	b = append(b, `,"variant":{"name":`...)
	if variant := toggle.Result.Variant; variant == nil {
		b = append(b, `"disabled","enabled":false`...)
	} else {
		b = replica.AppendString(b, variant.Name)
		b = append(b, `,"enabled":true`...)
		if variant.Payload != nil {
			b = append(b, `,"payload":{"type":`...)
			b = replica.AppendString(b, variant.Payload.Type)
			b = append(b, `,"value":`...)
			b = replica.AppendString(b, variant.Payload.Value)
			b = append(b, '}')
		}
	}
	b = append(b, `,"feature_enabled":`...)
	b = strconv.AppendBool(b, on)
	if twin {
		b = append(b, `,"featureEnabled":`...)
		b = strconv.AppendBool(b, on)
	}
	b = append(b, '}')
	if impression {
		b = append(b, `,"impressionData":`...)
		b = strconv.AppendBool(b, toggle.ImpressionData)
	}
	return append(b, '}')
}
