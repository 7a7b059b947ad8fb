package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/server"
)

// jsonPointer escapes a name in a JSON pointer that is the fragment of a URL.
var jsonPointer = strings.NewReplacer("~", "~0", "/", "~1")

// object is a JSON object.
type object = map[string]any

// caller calls operations by their ids, and holds what is sent and answered against Unleash's shapes and against the
// document. It goes on when they do not fit, so that one run shows everything.
type caller struct {
	*running
	t          *testing.T
	database   *dbtest.Database
	shapes     *shapes
	document   *huma.OpenAPI
	operations map[string]documented
	called     map[string]int // by operation id: how often with success
	found      *findings
}

func newCaller(t *testing.T, r *running, database *dbtest.Database) *caller {
	t.Helper()
	c := &caller{
		running: r, t: t, database: database, document: server.OpenAPI(), shapes: readShapes(t), operations: map[string]documented{}, called: map[string]int{},
		found: &findings{seen: map[string]bool{}},
	}
	for _, o := range documentedOperations(c.document) {
		c.operations[o.OperationID] = o
	}
	return c
}

// at are the parameters of a call. What the path does not name goes into the query.
type at map[string]string

func (a at) in(path string) string {
	query := url.Values{}
	for name, value := range a {
		if filled := strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value)); filled != path {
			path = filled
		} else {
			query.Set(name, value)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// do calls an operation, which must succeed, and returns what it answers: JSON as a value, anything else as text.
func (c *caller) do(id string, parameters at, body any, headers ...string) any {
	c.t.Helper()
	o, ok := c.operations[id]
	require.True(c.t, ok, "no operation %s", id)
	request := sent{}
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(c.t, err)
		request = sent{string(text), jsonType}
		c.found.check(id+" request", func() { c.fits(id+" is sent", c.shapes.requests[id], text) })
	}
	path := parameters.in(o.path)
	require.NotContains(c.t, path, "{", id)
	got := c.ask(o.method, path, c.secret(o), request, headers...)
	about := fmt.Sprintf("%s: %s %s", id, o.method, path)
	require.True(c.t, got.status >= 200 && got.status < 300, "%s %s: %d %s", about, request.body, got.status, got.body)
	c.called[id]++
	contentType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	described := o.Responses[strconv.Itoa(got.status)]
	if contentType == jsonType || described == nil || described.Content[contentType] == nil {
		c.found.check(id+" document", func() { proper(c.found, c.document.Components.Schemas, o, got, about) })
	}
	c.found.check(id, func() {
		for expected, schema := range c.shapes.responses[id] {
			require.Equal(c.found, expected, contentType, about)
			if contentType == jsonType {
				c.fits(about, schema, got.body)
			}
		}
	})
	if contentType == jsonType && len(got.body) > 0 {
		var value any
		require.NoError(c.t, json.Unmarshal(got.body, &value), about)
		return value
	}
	return string(got.body)
}

// secret is a token that opens the operation.
func (c *caller) secret(o documented) string {
	if strings.HasPrefix(o.path, openfeature.PathManifest) && o.method != http.MethodGet {
		return adminToken
	}
	for _, prefix := range []string{"/api/frontend", "/ofrep/", "/openfeature/"} {
		if strings.HasPrefix(o.path, prefix) {
			return frontendToken
		}
	}
	return o.secret()
}

// fits requires that a JSON text has a shape. Operations of Pennon's own have none.
func (c *caller) fits(about string, schema *jsonschema.Schema, text []byte) {
	var value any
	require.NoError(c.found, json.Unmarshal(text, &value), about)
	if schema == nil {
		return
	}
	if err := schema.Validate(value); err != nil {
		require.Fail(c.found, fmt.Sprintf("%s:\n%v\n%.2000s", about, err, text))
	}
}

// of returns what is at a path of names and indexes in a JSON value.
func (c *caller) of(value any, path ...any) any {
	c.t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			require.Contains(c.t, value, step, "%v", path)
			value = value.(object)[step]
		case int:
			require.Greater(c.t, len(value.([]any)), step, "%v of %v", path, value)
			value = value.([]any)[step]
		}
	}
	return value
}

// text is of as text: an id for a path.
func (c *caller) text(value any, path ...any) string {
	c.t.Helper()
	return fmt.Sprint(c.of(value, path...))
}

// await asks until what is awaited is there. Calls may fail the test, so this is not require.Eventually, which would do
// them in a goroutine of its own.
func (c *caller) await(what string, there func() bool) {
	c.t.Helper()
	late := time.After(patience)
	for !there() {
		select {
		case <-late:
			require.Fail(c.t, "waited in vain for "+what)
		case <-time.After(tick):
		}
	}
}
