package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge"
)

func plainUpstream(t *testing.T) *wireUpstream {
	t.Helper()
	return newWireUpstream(t, (*httptest.Server).Start)
}

// newClient follows no redirects, and keeps no connection.
func newClient(config *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func TestEdgeServesTLSAndIsProbedThroughIt(t *testing.T) {
	t.Parallel()
	id, u := newIdentity(t), plainUpstream(t)
	e := wired(t, u.URL, "--tls-enable", "--tls-server-key", id.key, "--tls-server-cert", id.cert, "--redirect-http-to-https", "--base-path=/flags/")
	client := newClient(&tls.Config{RootCAs: id.roots})
	until(t, func() bool { return e.Ready() == nil })

	answer, _ := call(t, client, http.MethodGet, e.URL()+"/api/client/features?x=1", "Authorization", wireBackend)
	require.Equal(t, http.StatusPermanentRedirect, answer.StatusCode)
	require.Equal(t, e.TLSURL()+"/api/client/features?x=1", answer.Header.Get("Location"))
	require.True(t, strings.HasSuffix(e.TLSURL(), "/flags"))
	answer, body := call(t, client, http.MethodGet, answer.Header.Get("Location"), "Authorization", wireBackend)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, body, "wired")
	answer, _ = call(t, client, http.MethodGet, strings.TrimSuffix(e.TLSURL(), "/flags")+"/api/client/features", "Authorization", wireBackend)
	require.Equal(t, http.StatusNotFound, answer.StatusCode, "nothing is outside the base path")

	for _, command := range []string{"health", "ready"} {
		code, out, errs := pennon(t.Context(), command, "--edge-url", e.TLSURL(), "--ca-certificate-file", id.cert)
		require.Zero(t, code, errs)
		require.Contains(t, out, "status")
		code, _, errs = pennon(t.Context(), command, "--edge-url", e.TLSURL())
		require.Equal(t, 1, code)
		require.Contains(t, errs, "certificate")
	}
}

func TestEdgeIdentifiesToTheServer(t *testing.T) {
	t.Parallel()
	server, own := newIdentity(t), newIdentity(t)
	u := newWireUpstream(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{server.pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: own.roots}
		s.StartTLS()
	})
	trusted := []string{"--upstream-certificate-file", server.cert}
	for name, flags := range map[string][]string{
		"PKCS8":      append([]string{"--pkcs8-client-certificate-file", own.cert, "--pkcs8-client-key-file", own.key}, trusted...),
		"PEM":        append([]string{"--pem-cert-file", own.both}, trusted...),
		"PKCS12":     append([]string{"--pkcs12-identity-file", own.pfx2, "--pkcs12-passphrase", "passphrase"}, trusted...),
		"Unverified": {"--pem-cert-file", own.both, "--skip-ssl-verification"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := wired(t, u.URL, flags...)
			until(t, func() bool { return e.Ready() == nil })
		})
	}
	for name, flags := range map[string][]string{
		"WithoutTheCertificate": trusted,
		"WithoutTrust":          {"--pem-cert-file", own.both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := wired(t, u.URL, flags...)
			until(t, func() bool { err := e.Ready(); return err != nil && strings.Contains(err.Error(), "certificate") })
		})
	}
	t.Run("Contradictions", func(t *testing.T) {
		t.Parallel()
		for want, flags := range map[string][]string{
			"give one of": {"--pem-cert-file", own.both, "--pkcs12-identity-file", own.pfx2},
			"go together": {"--pkcs8-client-key-file", own.key},
			"password":    {"--pkcs12-identity-file", own.pfx2, "--pkcs12-passphrase", "wrong"},
			"no PEM":      {"--upstream-certificate-file", own.pfx2},
		} {
			code, _, errs := pennon(t.Context(), append([]string{"edge", "-u", u.URL, "-t", wireBackend, "-p0"}, flags...)...)
			require.Equal(t, 1, code)
			require.Contains(t, errs, want)
		}
	})
}

func TestEdgeAnswersBrowsersAsItIsTold(t *testing.T) {
	t.Parallel()
	u, client := plainUpstream(t), newClient(nil)
	preflight := func(e *edge.Edge, origin string) http.Header {
		answer, _ := call(t, client, http.MethodOptions, e.URL()+"/api/frontend", "Origin", origin,
			"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "x-one")
		return answer.Header
	}
	open := wired(t, u.URL)
	require.Equal(t, "*", preflight(open, "https://any.example").Get("Access-Control-Allow-Origin"))
	require.Equal(t, "172800", preflight(open, "https://any.example").Get("Access-Control-Max-Age"))

	e := wired(t, u.URL, "--cors-origin=https://a.example,https://*.b.example", "--cors-allowed-headers=x-one,authorization",
		"--cors-methods=GET", "--cors-max-age=60", "--cors-exposed-headers=ETag,X-Edge-Version")
	for _, origin := range []string{"https://a.example", "https://x.b.example"} {
		headers := preflight(e, origin)
		require.Equal(t, origin, headers.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "x-one, authorization", headers.Get("Access-Control-Allow-Headers"))
		require.Equal(t, "GET", headers.Get("Access-Control-Allow-Methods"))
		require.Equal(t, "60", headers.Get("Access-Control-Max-Age"))
		require.Contains(t, headers.Get("Vary"), "Origin")
	}
	require.Empty(t, preflight(e, "https://c.example").Get("Access-Control-Allow-Origin"))
	until(t, func() bool { return e.Ready() == nil })
	answer, _ := call(t, client, http.MethodGet, e.URL()+"/api/frontend", "Origin", "https://a.example", "Authorization", wireFrontend)
	require.Equal(t, "ETag, X-Edge-Version", answer.Header.Get("Access-Control-Expose-Headers"))
	require.Empty(t, answer.Header.Get("Access-Control-Allow-Credentials"))
}

func TestEdgeTellsPeersApart(t *testing.T) {
	t.Parallel()
	u, client := plainUpstream(t), newClient(nil)
	status := func(flags ...string) int {
		answer, _ := call(t, client, http.MethodGet, wired(t, u.URL, flags...).URL()+"/internal-backstage/health")
		return answer.StatusCode
	}
	require.Equal(t, http.StatusForbidden, status("--deny-list=127.0.0.0/8"))
	require.Equal(t, http.StatusForbidden, status("--allow-list=10.0.0.0/8,10.1.1.1"))
	require.Equal(t, http.StatusOK, status("--allow-list=10.0.0.0/8,127.0.0.1"))
	require.Equal(t, http.StatusOK, status("--deny-list=10.0.0.0/8"))

	sees := func(e *edge.Edge, headers ...string) bool {
		until(t, func() bool { return e.Ready() == nil })
		answer, body := call(t, client, http.MethodGet, e.URL()+"/api/frontend", append([]string{"Authorization", wireFrontend}, headers...)...)
		require.Equal(t, http.StatusOK, answer.StatusCode, body)
		return strings.Contains(body, "wired")
	}
	none, all := wired(t, u.URL), wired(t, u.URL, "--trust-proxy")
	require.False(t, sees(none, "X-Forwarded-For", "203.0.113.7"))
	require.False(t, sees(none, "Forwarded", "for=203.0.113.7"))
	require.True(t, sees(all, "X-Forwarded-For", "203.0.113.7, 198.51.100.1"))
	require.True(t, sees(all, "Forwarded", `for="203.0.113.7:4711";proto=https`))
	listed := wired(t, u.URL, "--trust-proxy", "--proxy-trusted-servers=127.0.0.1,198.51.100.0/24")
	require.True(t, sees(listed, "X-Forwarded-For", "192.0.2.1, 203.0.113.7, 198.51.100.1"), "right to left, the first that is not trusted")
	require.False(t, sees(listed, "X-Forwarded-For", "203.0.113.7, 192.0.2.1, 198.51.100.1"), "what a caller writes himself is not believed")
	require.False(t, sees(wired(t, u.URL, "--trust-proxy", "--proxy-trusted-servers=10.0.0.1"), "X-Forwarded-For", "203.0.113.7"))
}

func TestEdgeTakesTokensFromOtherHeaders(t *testing.T) {
	t.Parallel()
	client := newClient(nil)
	for name, flags := range map[string][]string{
		"Each": {"--edge-auth-header=X-Down", "--upstream-auth-header=X-Up"},
		"Both": {"--token-header=X-Down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := plainUpstream(t)
			e := wired(t, u.URL, append(flags, "-H", "X-Own: value", "-H", "X-Other: a:b")...)
			until(t, func() bool { return e.Ready() == nil })
			up := strings.TrimPrefix(flags[len(flags)-1][strings.Index(flags[len(flags)-1], "=")+1:], "=")
			require.Equal(t, wireBackend, u.header("/api/client/features", up))
			require.Empty(t, u.header("/api/client/features", "Authorization"))
			require.Equal(t, "value", u.header("/api/client/features", "X-Own"))
			require.Equal(t, "a:b", u.header("/edge/validate", "X-Other"))
			answer, _ := call(t, client, http.MethodGet, e.URL()+"/api/client/features", "X-Down", wireBackend)
			require.Equal(t, http.StatusOK, answer.StatusCode)
			answer, _ = call(t, client, http.MethodGet, e.URL()+"/api/client/features", "Authorization", wireBackend)
			require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		})
	}
}

func TestEdgeHidesWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	u, client := plainUpstream(t), newClient(nil)
	shown, hidden := wired(t, u.URL), wired(t, u.URL, "--disable-all-endpoint", "--disable-metrics-endpoint",
		"--disable-features-endpoint", "--disable-tokens-endpoint", "--disable-metrics-batch-endpoint")
	for path, token := range map[string]string{
		"/api/frontend/all": wireFrontend, "/internal-backstage/metrics": "", "/internal-backstage/features": wireBackend,
		"/internal-backstage/tokens": "", "/internal-backstage/metricsbatch": "",
	} {
		until(t, func() bool { return shown.Ready() == nil && hidden.Ready() == nil })
		answer, body := call(t, client, http.MethodGet, shown.URL()+path, "Authorization", token)
		require.Equal(t, http.StatusOK, answer.StatusCode, path+body)
		answer, _ = call(t, client, http.MethodGet, hidden.URL()+path, "Authorization", token)
		require.Equal(t, http.StatusNotFound, answer.StatusCode, path)
	}
}

func TestEdgeDoesNotWaitForAServerThatTrickles(t *testing.T) {
	t.Parallel()
	u := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK) // and then nothing
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(u.Close)
	began := time.Now()
	e := wired(t, u.URL, "--upstream-socket-timeout=1")
	until(t, func() bool { err := e.Ready(); return err != nil && strings.Contains(err.Error(), "deadline") })
	require.GreaterOrEqual(t, time.Since(began), time.Second)
}
