package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, config outbound.Config) *outbound.Client {
	t.Helper()
	c := outbound.New(config)
	t.Cleanup(c.Close)
	return c
}

func receiver(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func TestPublicKnowsWhatOnlyThisNetworkCanReach(t *testing.T) {
	t.Parallel()
	for _, private := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "100.64.0.1", "100.100.100.200",
		"192.0.0.8", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1",
	} {
		require.False(t, outbound.Public(netip.MustParseAddr(private)), private)
	}
	for _, public := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1"} {
		require.True(t, outbound.Public(netip.MustParseAddr(public)), public)
	}
	require.False(t, outbound.Public(netip.Addr{}))
}

func TestPrivateAddressesAreRefusedWhenConnecting(t *testing.T) {
	t.Parallel()
	s := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	c := client(t, outbound.Config{})
	for _, host := range []string{
		"127.0.0.1", "localhost", "LOCALHOST", // a name that resolves to it is judged by what it resolves to
		"[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "127.1", "2130706433", "0x7f.1",
	} {
		_, err := c.Send(t.Context(), outbound.Request{Method: "POST", URL: "http://" + host + ":" + port + "/secret-path"})
		require.Error(t, err, host)
		if !strings.ContainsAny(host, "x") && host != "127.1" && host != "2130706433" { // those are names to Go, and unknown
			require.ErrorIs(t, err, outbound.ErrPrivate, host)
		}
		require.NotContains(t, err.Error(), "secret-path")
	}
}

func TestRedirectsDoNotCarryTheRequestElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/get":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/here":
			http.Redirect(w, r, "/end", http.StatusPermanentRedirect)
		case "/end":
			_, _ = w.Write([]byte(r.Method + r.Header.Get("X-Key")))
		}
	})
	c := client(t, outbound.Config{AllowPrivate: true})
	for path, status := range map[string]int{"/elsewhere": 307, "/get": 302, "/loop": 307, "/here": 200} {
		r, err := c.Send(t.Context(), outbound.Request{Method: "POST", URL: s.URL + path, Header: map[string]string{"X-Key": "k"}, Body: []byte("x")})
		require.NoError(t, err)
		require.Equal(t, status, r.Status, path)
		require.Equal(t, status == 200, r.OK())
		if r.OK() {
			require.Equal(t, "POSTk", string(r.Body))
		}
	}
}

func TestResponsesAndTimeAreLimited(t *testing.T) {
	t.Parallel()
	s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("a", 1<<20)))
	})
	c := client(t, outbound.Config{AllowPrivate: true, Timeout: 200 * time.Millisecond})
	r, err := c.Send(t.Context(), outbound.Request{Method: "POST", URL: s.URL})
	require.NoError(t, err)
	require.True(t, r.Truncated)
	require.Len(t, r.Body, outbound.MaxResponse)

	_, err = c.Send(t.Context(), outbound.Request{Method: "POST", URL: s.URL + "/hang"})
	require.Error(t, err)
	var timeout net.Error
	require.True(t, errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()))
}

func TestURLsAndHeadersAreChecked(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "x", "/path", "ftp://example.com", "file:///etc/passwd", "http://", "https:///path", "http://[::1", "javascript:alert(1)"} {
		require.Error(t, outbound.CheckURL(wrong), wrong)
	}
	require.NoError(t, outbound.CheckURL("https://user:pass@example.com:8443/a?b=c"))
	require.Error(t, outbound.CheckHeader("", "x"))
	require.Error(t, outbound.CheckHeader("a b", "x"))
	require.Error(t, outbound.CheckHeader("X", "a\r\nb: c"))
	require.NoError(t, outbound.CheckHeader("X-Key", "ü \t ok"))
}
