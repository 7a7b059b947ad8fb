package proxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

const (
	environment = "development"

	captures = "testdata/captures"
)

// capture is an exchange with @unleash/proxy 1.4.19.
type capture struct {
	method  string
	port    string
	path    string
	headers [][2]string
	body    string

	status string
	want   [][2]string // headers, in the letters they had
	answer string

	dropped bool // the answer's body was not kept
}

// argument begins an argument of the command lines in the captures, which are not quoted.
var argument = regexp.MustCompile(` (-H|-X|-d|-I|-o|-D|--data-binary|http://)`)

func readCapture(t *testing.T, file string) capture {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	command, rest, _ := strings.Cut(string(text), "\n")
	c := capture{method: http.MethodGet}
	starts := argument.FindAllStringIndex(command, -1)
	for i, at := range starts {
		end := len(command)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		flag, value := command[at[0]+1:at[1]], strings.TrimSpace(command[at[1]:end])
		switch flag {
		case "-H":
			name, value, found := strings.Cut(value, ": ")
			require.True(t, found, value)
			c.headers = append(c.headers, [2]string{name, value})
		case "-X":
			c.method = value
		case "-I":
			c.method = http.MethodHead
		case "-d":
			c.method, c.body = http.MethodPost, value
		case "--data-binary":
			c.method, c.body = http.MethodPost, `{"context":{"userId":"`+strings.Repeat("x", 150_000)+`"}}`
		case "http://":
			address, path, _ := strings.Cut(value, "/")
			c.port, c.path = address[len("127.0.0.1:"):], "/"+path
		}
	}
	head, body, _ := strings.Cut(rest, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	c.status = lines[0]
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Date", "Connection", "Keep-Alive", "Transfer-Encoding": // of the connection, not of the answer
			continue
		case "Content-Length":
			length, err := strconv.Atoi(value)
			require.NoError(t, err)
			c.answer = body[:min(length, len(body))]
		}
		c.want = append(c.want, [2]string{name, value})
	}
	if c.method == http.MethodHead {
		c.answer = ""
	}
	c.dropped = strings.Contains(command, "/dev/null")
	return c
}

// exchange sends the request as bytes and reads the answer as bytes: the letter case of headers counts.
func (c *capture) exchange(t *testing.T, address string) (status string, headers map[string][]string, body string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	var request strings.Builder
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", c.method, c.path, address)
	for _, header := range c.headers {
		fmt.Fprintf(&request, "%s: %s\r\n", header[0], header[1])
	}
	if c.body != "" {
		fmt.Fprintf(&request, "Content-Length: %d\r\n", len(c.body))
	}
	request.WriteString("\r\n" + c.body)
	go func() { _, _ = io.WriteString(connection, request.String()) }() // an answer may come before all is sent

	reader := bufio.NewReader(connection)
	line := func() string {
		text, err := reader.ReadString('\n')
		require.NoError(t, err)
		return strings.TrimSuffix(text, "\r\n")
	}
	status, headers = line(), map[string][]string{}
	for text := line(); text != ""; text = line() {
		name, value, _ := strings.Cut(text, ": ")
		headers[name] = append(headers[name], value)
	}
	delete(headers, "Date")
	delete(headers, "Connection")
	rest, _ := io.ReadAll(reader) // the connection may be reset behind an answer to half a request
	return status, headers, string(rest)
}

// world is what the captured proxies had for an upstream.
type world struct {
	document *proxy.Document
	store    *replica.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	captured := readCapture(t, filepath.Join(captures, "28-client-features.txt"))
	document, err := proxy.ParseDocument([]byte(captured.answer))
	require.NoError(t, err)
	var upstream struct{ Features []replica.Feature }
	require.NoError(t, json.Unmarshal([]byte(captured.answer), &upstream))
	store := replica.NewStore(slog.New(slog.DiscardHandler))
	store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindResync}},
		Environments: map[string][]replica.Feature{environment: upstream.Features},
		Segments:     []eval.Segment{{ID: 1, Constraints: []eval.Constraint{{ContextName: "region", Operator: "IN", Values: []string{"Africa"}}}}},
	})
	return &world{document: document, store: store}
}

// config is that of the first captured proxy.
func (w *world) config(buffer *usage.Buffer) proxy.Config {
	scope := &token.Token{ID: "1", Kind: token.Frontend, Scope: token.NewScope(environment, token.All)}
	return proxy.Config{
		Clients:      proxy.NewKeys([]string{"k1", "k2"}, scope),
		ServerTokens: proxy.NewKeys([]string{"ss1"}, scope),
		EnableAll:    true,
		EnableOAS:    true,
		TrustProxy:   api.TrustEverybody(),
		Document:     func() *proxy.Document { return w.document },
		Updated:      func() time.Time { return time.UnixMilli(1795317939912) },
		Fetched:      func() time.Time { return time.UnixMilli(1795317980008) },
		Store:        w.store,
		Flags:        evaluation.New(w.store),
		Usage:        buffer,
	}
}

func serve(t *testing.T, config proxy.Config) string {
	t.Helper()
	server := httptest.NewServer(proxy.New(config))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestAnswersAreThoseOfTheLegacyProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.config(usage.NewBuffer())
	second := first
	second.BasePath, second.Environment = "base", "prod"
	second.EnableAll, second.EnableOAS, second.TrustProxy = false, false, api.Trust{}
	second.CORS.Origins = api.NewOrigins("https://a.example", "https://b.example")
	unready := first
	unready.Ready = func() bool { return false }
	keyed := first
	keyed.HeaderName = "X-Key"
	var err error
	keyed.TrustProxy, err = api.ParseTrust("loopback")
	require.NoError(t, err)
	addresses := map[string]string{"4251": serve(t, first), "4252": serve(t, second), "4254": serve(t, unready)}
	keyedAddress := serve(t, keyed)

	files, err := filepath.Glob(filepath.Join(captures, "*.txt"))
	require.NoError(t, err)
	require.Len(t, files, 51)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := readCapture(t, file)
			address := addresses[c.port]
			if name[0] == '7' {
				address = keyedAddress
			}
			if name == "46-gzip" { // without its request
				c.path, c.headers, address = "/proxy/client/features", [][2]string{{"Authorization", "ss1"}, {"Accept-Encoding", "gzip"}}, addresses["4251"]
				c.status, c.want = "HTTP/1.1 200 OK", append(c.want[:0:0], readCapture(t, filepath.Join(captures, "28-client-features.txt")).want...)
			}
			status, headers, body := c.exchange(t, address)
			require.Equal(t, c.status, status)
			want := map[string][]string{}
			for _, header := range c.want {
				want[header[0]] = append(want[header[0]], header[1])
			}
			if name == "46-gzip" {
				require.Equal(t, []string{"gzip"}, headers["Content-Encoding"])
				delete(headers, "Content-Encoding")
				delete(want, "Content-Length")
				body = ""
			}
			if strings.Contains(status, " 204 ") { // no length belongs there (RFC 9110, section 8.6), and net/http sends none
				delete(want, "Content-Length")
			}
			if want["Content-Length"] == nil { // it was sent in chunks
				delete(headers, "Content-Length")
			}
			require.Equal(t, want, headers)
			if !c.dropped {
				require.Equal(t, c.answer, body)
			}
		})
	}
}
