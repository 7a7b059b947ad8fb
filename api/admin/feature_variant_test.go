package admin_test

import (
	"testing"
)

func TestFeatureVariants(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.events(t)
	const variants, updated = dev + "/variants", "feature-environment-variants-updated default/f1/development"
	s.run(t, []step{
		{does: "has none", method: "GET", path: variants, status: 200, want: `{"version":1,"variants":[]}`},
		{
			does: "replaces all", method: "PUT", path: variants, status: 200, events: []string{updated}, changes: []string{"feature f1 development"},
			body: `[{"name":"v1","weight":500,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["7"]}]},
				{"name":"v2","weight":500,"weightType":"variable","stickiness":"default"},{"name":"v3","weight":100,"weightType":"fix","stickiness":"default"}]`,
			want: `{"version":1,"variants":[
				{"name":"v1","weight":450,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["7"]}]},
				{"name":"v2","weight":450,"weightType":"variable","stickiness":"default"},{"name":"v3","weight":100,"weightType":"fix","stickiness":"default"}]}`,
		},
		{
			does: "replaces with the same", method: "PUT", path: variants, status: 200, changes: []string{},
			body: `[{"name":"v1","weight":1,"weightType":"variable","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["7"]}]},
				{"name":"v2","weight":2,"weightType":"variable"},{"name":"v3","weight":100,"weightType":"fix"}]`,
		},
		{
			does: "patches one away", method: "PATCH", path: variants, body: `[{"op":"remove","path":"/2"}]`, status: 200, events: []string{updated},
			want: `{"version":1,"variants":[
				{"name":"v1","weight":500,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["7"]}]},
				{"name":"v2","weight":500,"weightType":"variable","stickiness":"default"}]}`,
		},
		{does: "refuses to patch past the end", method: "PATCH", path: variants, body: `[{"op":"remove","path":"/9"}]`, status: 400, changes: []string{}},
		{does: "refuses to patch all to an object", method: "PATCH", path: variants, body: `[{"op":"replace","path":"","value":{"a":1}}]`, status: 400, changes: []string{}},
		{
			does: "shares out what cannot be shared equally", method: "PUT", path: variants, body: `[{"name":"a","weight":1},{"name":"b","weight":1},{"name":"c","weight":1}]`, status: 200,
			events: []string{updated},
			want:   `{"version":1,"variants":[{"name":"a","weight":334,"weightType":"variable","stickiness":"default"},{"name":"b","weight":333,"weightType":"variable","stickiness":"default"},{"name":"c","weight":333,"weightType":"variable","stickiness":"default"}]}`,
		},
		{
			does: "refuses a weight above 1000", method: "PUT", path: variants, body: `[{"name":"v1","weight":1001,"weightType":"fix","stickiness":"default"}]`, status: 400,
			want: "~The `/body/0/weight` property must be <= 1000.", changes: []string{},
		},
		{
			does: "refuses fixed weights above 1000", method: "PUT", path: variants, status: 400, changes: []string{},
			body: `[{"name":"a","weight":600,"weightType":"fix"},{"name":"b","weight":600,"weightType":"fix"},{"name":"c","weight":0}]`,
		},
		{
			does: "refuses a payload that is no JSON", method: "PUT", path: variants, status: 400, changes: []string{},
			body: `[{"name":"v1","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"json","value":"{bad"}}]`,
			want: problem("BadDataError", invalid, `'value' must be a valid json string when 'type' is json. You provided "{bad".`),
		},
		{
			does: "takes a number that is none, as Unleash", method: "PUT", path: variants, status: 200, events: []string{updated},
			body: `[{"name":"v1","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"number","value":"abc"}}]`,
			want: `{"version":1,"variants":[{"name":"v1","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"number","value":"abc"}}]}`,
		},
		{
			does: "pushes to several environments", method: "PUT", path: fs + "/f1/variants-batch", status: 200,
			body:    `{"environments":["development","production"],"variants":[{"name":"v1","weight":1000,"weightType":"variable"}]}`,
			want:    `{"version":1,"variants":[{"weightType":"variable","stickiness":"default","name":"v1","weight":1000}]}`,
			events:  []string{updated, "feature-environment-variants-updated default/f1/production"},
			changes: []string{"feature f1 development", "feature f1 production"},
		},
		{
			does: "pushes to all environments or none", method: "PUT", path: fs + "/f1/variants-batch", body: `{"environments":["development","nope"],"variants":[]}`, status: 404,
			changes: []string{},
		},
		{does: "names the variants of a parent", method: "GET", path: fs + "/f1/parent-variants", status: 200, want: `["v1"]`},
		{does: "removes all", method: "PUT", path: variants, body: `[]`, status: 200, events: []string{updated}, want: `{"version":1,"variants":[]}`},
		{does: "does not know the flag", method: "GET", path: fs + "/nope/environments/development/variants", status: 404},
	})
}
