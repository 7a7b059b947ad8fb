// Package client calls the HTTP API of a Pennon server from Go.
//
// operations.gen.go is generated from openapi/openapi-3.0.yaml: a method for each operation, named after its operation id,
// and a type for each schema. This file and error.go add what a document cannot say: credentials and errors.
//
//	c, err := client.New("https://flags.example.com", token)
//	…
//	answer, err := c.GetFeatureWithResponse(ctx, "default", "checkout", nil)
//	if client.IsNotFound(err) { … }
//	fmt.Println(answer.JSON200.Description)
//
// Methods that end in WithResponse read and decode the answer; those without return it as it comes, which is what streams
// need. Both return an *Error for every answer that is not a success, so JSON200 (or 201 …) is never nil without an error,
// where the operation answers with a body.
//
// The same client works against any server that speaks Unleash's Admin API, as far as that server has the operation.
package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// New makes a client of the server at address, which includes the base path if there is one, and may end in /api as SDKs
// are told. Token is an API token of the kind that the called operations want; it may be empty for those that want none.
// Options come last and may replace the HTTP client. The client may be used by many goroutines.
func New(address, token string, options ...ClientOption) (*ClientWithResponses, error) {
	base, err := Address(address)
	if err != nil {
		return nil, err
	}
	authorize := func(_ context.Context, request *http.Request) error {
		if token != "" {
			request.Header.Set("Authorization", token)
		}
		return nil
	}
	c, err := NewClientWithResponses(base, append([]ClientOption{WithRequestEditorFn(authorize)}, options...)...)
	if err != nil {
		return nil, err
	}
	plain := c.ClientInterface.(*Client)
	plain.Client = refusing{plain.Client}
	return c, nil
}

// Address checks and normalises the address of a server: without a slash or the /api of SDKs at its end.
func Address(text string) (string, error) {
	parsed, err := url.Parse(strings.TrimSpace(text))
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return "", fmt.Errorf("%q is no address of a server; it looks like https://flags.example.com", text)
	}
	parsed.Path = strings.TrimSuffix(strings.TrimRight(parsed.Path, "/"), "/api")
	parsed.RawQuery, parsed.Fragment = "", ""
	return strings.TrimRight(parsed.String(), "/"), nil
}

// IfMatch makes a write conditional on the ETag of what was read: it fails with 412 when that has changed meanwhile.
func IfMatch(etag string) RequestEditorFn { return withHeader("If-Match", etag) }

// IdempotencyKey makes a write that is repeated with the same key happen once.
func IdempotencyKey(key string) RequestEditorFn { return withHeader("Idempotency-Key", key) }

func withHeader(name, value string) RequestEditorFn {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set(name, value)
		return nil
	}
}
