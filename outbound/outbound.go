// Package outbound sends HTTP requests to addresses that users name, such as the webhooks of integrations.
//
// Whoever may configure such an address must not reach what only this machine's network can reach, so private addresses are
// refused when the connection is made, after the name was resolved: a name that resolves to something else the second time
// gains nothing. Responses are read up to a limit, everything has a deadline, and redirects are followed only where they
// cannot carry credentials elsewhere. The package imports the standard library only.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultTimeout bounds a request from the resolving of the name to the last byte read of the response.
	DefaultTimeout = 10 * time.Second

	// MaxResponse is how much of a response is read, in bytes. The rest is cut off.
	MaxResponse = 4 << 10

	maxRedirects   = 3
	maxIdlePerHost = 4
	idleTimeout    = 30 * time.Second
)

// Config says how a Client behaves.
type Config struct {
	// AllowPrivate lets requests go to private addresses, and through the proxy that HTTPS_PROXY and HTTP_PROXY name. Without
	// it no proxy is used: it would resolve names where nobody checks them.
	AllowPrivate bool

	Timeout   time.Duration // 0 means DefaultTimeout
	UserAgent string
}

// Client sends requests. It is safe for concurrent use; Close it when done.
type Client struct {
	config    Config
	transport *http.Transport
	http      *http.Client
}

// New makes a client.
func New(config Config) *Client {
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	dialer := &net.Dialer{Timeout: config.Timeout}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    config.Timeout,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 32 << 10,
	}
	if config.AllowPrivate {
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		dialer.ControlContext = refusePrivate
	}
	return &Client{
		config:    config,
		transport: transport,
		http:      &http.Client{Transport: transport, CheckRedirect: checkRedirect, Timeout: config.Timeout},
	}
}

// Close ends idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is what is sent.
type Request struct {
	Method string
	URL    string
	Header map[string]string
	Body   []byte
}

// Response is what came back. Body holds at most MaxResponse bytes; Truncated says that there was more.
type Response struct {
	Status    int
	Body      []byte
	Truncated bool
}

// OK reports whether the receiver accepted the request.
func (r Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Send sends r. Any answer is a Response, whatever its status. Errors never hold the URL, which may be a secret.
func (c *Client) Send(ctx context.Context, r Request) (Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, fmt.Errorf("make request: %w", withoutURL(err))
	}
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host // net/http ignores the header
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", c.config.UserAgent)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, fmt.Errorf("send request: %w", withoutURL(err))
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxResponse+1))
	if err != nil && len(body) == 0 {
		return Response{Status: answer.StatusCode}, nil // the status is what counts
	}
	response := Response{Status: answer.StatusCode, Body: body}
	if len(body) > MaxResponse {
		response.Body, response.Truncated = body[:MaxResponse], true
	}
	return response, nil
}

// CheckURL fails unless text is an absolute http or https URL with a host.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return withoutURL(err)
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the scheme must be http or https")
	case u.Hostname() == "":
		return errors.New("the host is missing")
	}
	return nil
}

// CheckHeader fails when a header of that name and value cannot be sent.
func CheckHeader(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}) {
		return errors.New("the name of a header holds a character that is not allowed")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) {
		return errors.New("the value of a header holds a character that is not allowed")
	}
	return nil
}

// checkRedirect follows a redirect on the same host only, and only where the request stays what it was (307 and 308): custom
// headers with credentials would otherwise go to another host, and a POST would become a GET.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || next.URL.Host != first.URL.Host || next.Method != first.Method ||
		(first.URL.Scheme == "https" && next.URL.Scheme != "https") {
		return http.ErrUseLastResponse
	}
	return nil
}

func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}
