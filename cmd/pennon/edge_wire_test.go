package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/pennonhq/pennon/edge"
)

const (
	wireBackend  = "*:development.backend"
	wireFrontend = "*:development.frontend"
	wireFlags    = `{"version":2,"features":[{"name":"wired","project":"default","enabled":true,"strategies":[{"name":"remoteAddress","parameters":{"IPs":"203.0.113.7"}}]}]}`
)

// wireUpstream is a server that polls are answered by. It notes what it is asked with.
type wireUpstream struct {
	*httptest.Server

	mu      sync.Mutex
	headers map[string]http.Header // mu; by path
}

func newWireUpstream(t *testing.T, start func(*httptest.Server)) *wireUpstream {
	t.Helper()
	u := &wireUpstream{headers: map[string]http.Header{}}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.headers[r.URL.Path] = r.Header.Clone()
		u.mu.Unlock()
		switch r.URL.Path {
		case "/edge/validate":
			var all []string
			for secret, kind := range map[string]string{wireBackend: "client", wireFrontend: "frontend"} {
				all = append(all, `{"token":"`+secret+`","type":"`+kind+`","environment":"development","projects":["*"]}`)
			}
			_, _ = io.WriteString(w, `{"tokens":[`+strings.Join(all, ",")+`]}`)
		case "/api/client/features":
			_, _ = io.WriteString(w, wireFlags)
		default:
			http.NotFound(w, r)
		}
	}))
	u.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	start(u.Server)
	t.Cleanup(u.Close)
	return u
}

func (u *wireUpstream) header(path, name string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.headers[path].Get(name)
}

// wired is an edge that was started by a command line, in front of the upstream.
func wired(t *testing.T, upstream string, flags ...string) *edge.Edge {
	t.Helper()
	var edges edgeRoles
	parser, err := newParser(&roles{}, streams{out: io.Discard, err: io.Discard}, func(int) {}, kong.Embed(&edges))
	require.NoError(t, err)
	_, err = parser.Parse(append([]string{
		"edge", "--upstream-url", upstream, "--tokens", wireBackend, "--polling", "-f1",
		"--port=0", "--tls-server-port=0", "--interface=127.0.0.1", "--shutdown-grace=1ms",
	}, flags...))
	require.NoError(t, err)
	config, err := edges.Edge.config(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	e, err := edge.New(t.Context(), config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return e
}

// until asks again until it is so, or a few seconds have passed.
func until(t *testing.T, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for !so() {
		select {
		case <-ticker.C:
		case <-deadline:
			require.FailNow(t, "it has not come about")
		}
	}
}

// call makes a request with headers given as pairs.
func call(t *testing.T, client *http.Client, method, url string, headers ...string) (answer *http.Response, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	answer, err = client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(content)
}

// identity is a self-signed certificate for 127.0.0.1 in every form that the options take.
type identity struct {
	pair                  tls.Certificate
	roots                 *x509.CertPool
	cert, key, both, pfx2 string // files
}

func newIdentity(t *testing.T) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "edge"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name string, content ...[]byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, bytes.Join(content, nil), 0o600))
		return path
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	pfx, err := pkcs12.Modern.Encode(key, leaf, nil, "passphrase")
	require.NoError(t, err)
	i := &identity{
		pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots: x509.NewCertPool(),
		cert: write("cert.pem", certPEM), key: write("key.pem", keyPEM), both: write("both.pem", certPEM, keyPEM), pfx2: write("both.p12", pfx),
	}
	i.roots.AddCert(leaf)
	return i
}
