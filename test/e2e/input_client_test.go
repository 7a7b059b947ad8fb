package e2e

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// unusual are texts that headers may carry.
var unusual = []string{
	"", " ", "*", ",", ",,,,", `"`, `""`, `W/`, `W/""`, `"` + strings.Repeat("1", 5000) + `"`, "0", "-1", "1", "99999999999999999999", "1-", "-00000000", "1-zzzzzzzz",
	"1-5b1c09e7-1", "9223372036854775807-ffffffff", "9223372036854775808", "0x10", "1e5", "\xff\xfe", "é", "\t", "null", "5.2", "v5.2.0", "5.2.0-beta+1", "99999999999999999999.0.0",
	strings.Repeat("9", 300) + ".0.0", "5.2.0, 5.2.0", "../../etc/passwd", "%00", strings.Repeat("a,", 2000),
}

func TestClientAPIWithstandsAnyHeader(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	r, log := startLogged(t, database, slog.LevelWarn)
	r.createFlag("f1")
	requests := 0
	for _, path := range []string{"/api/client/features", "/api/client/features/f1", "/api/client/delta", "/api/client/streaming", "/api/client/streaming/ws"} {
		for _, header := range []string{"Unleash-Client-Spec", "If-None-Match", "Last-Event-ID", "Accept-Encoding", "Unleash-Sdk-Type", "User-Agent", "Upgrade", "X-Request-Id", "X-Forwarded-For"} {
			for _, value := range unusual {
				got := r.ask(http.MethodGet, path, clientToken, sent{}, header, value)
				requests++
				about := fmt.Sprintf("%s %s: %.80q", path, header, value)
				require.Contains(t, []int{200, 304, 400, 404}, got.status, about)
				if got.status >= 400 {
					properError(t, path, got, about)
				}
			}
		}
		for _, query := range oddQueries {
			got := r.ask(http.MethodGet, path+"?"+query, clientToken, sent{})
			requests++
			require.Contains(t, []int{200, 400, 404}, got.status, "%s?%.80s", path, query)
		}
	}
	for _, path := range []string{"/api/client/register", "/api/client/metrics", "/api/client/metrics/bulk", "/edge/validate"} {
		for _, header := range []string{"Content-Type", "Content-Encoding", "Unleash-Sdk", "Unleash-Connection-Id", "X-Forwarded-For", "Expect"} {
			for _, value := range unusual {
				if header == "Expect" && value != "" {
					value = "100-continue"
				}
				got := r.ask(http.MethodPost, path, clientToken, sent{`{"appName":"odd","started":1,"interval":1,"strategies":[],"applications":[],"metrics":[],"tokens":[]}`, jsonType}, header, value)
				requests++
				require.Contains(t, []int{200, 202, 415}, got.status, "%s %s: %.80q: %s", path, header, value, got.body)
			}
		}
	}
	require.Eventually(t, func() bool {
		var stored int
		return database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM client_applications WHERE app_name = 'odd'`).Scan(&stored) == nil && stored == 1
	}, patience, 10*time.Millisecond, "what came with odd headers is stored, too")
	require.NotContains(t, log.String(), "level=ERROR")
	require.NotContains(t, log.String(), "could not be stored")
	t.Logf("%d requests", requests)
}

func TestEveryPathWithstandsEveryMethod(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	r, log := startLogged(t, database, slog.LevelWarn)
	w := newWorld(t, database, 1)
	before := readState(t, database)
	operations := documentedOperations(server.OpenAPI())
	paths := map[string]documented{}
	for _, o := range operations {
		paths[w.path(o.path)] = o
	}
	// served reports whether an operation answers to the method there; /tag-types/validate is also a /tag-types/{name}.
	served := func(method, path string) bool {
		return slices.ContainsFunc(operations, func(o documented) bool {
			pattern, parts := strings.Split(o.path, "/"), strings.Split(path, "/")
			return o.method == method && slices.EqualFunc(pattern, parts, func(p, part string) bool { return p == part || strings.HasPrefix(p, "{") })
		})
	}
	requests := 0
	for path, o := range paths {
		for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace, "PROPFIND", "get", "X"} {
			for _, secret := range []string{"", frontendToken, o.secret()} {
				if served(method, path) && slices.Contains(o.secrets(), secret) {
					continue
				}
				got := r.ask(method, path, secret, sent{})
				requests++
				about := method + " " + path + " " + secret
				require.Less(t, got.status, 500, about)
				switch {
				case method == http.MethodHead:
					require.Empty(t, got.body, about)
				case got.status >= 400:
					properError(t, path, got, about)
				case method == http.MethodOptions && got.status == http.StatusNoContent: // what browsers ask first
					require.NotEmpty(t, got.header.Get("Access-Control-Allow-Methods"), about)
					require.Empty(t, got.body, about)
				default:
					require.True(t, served(method, path), "%s: %d", about, got.status)
				}
			}
		}
	}
	require.Equal(t, before, readState(t, database))
	require.NotContains(t, log.String(), "level=ERROR")
	t.Logf("%d paths, %d requests", len(paths), requests)
}

// TestConnectionsThatSpeakNoHTTPHarmNobody sends what an HTTP client would not.
func TestConnectionsThatSpeakNoHTTPHarmNobody(t *testing.T) {
	t.Parallel()
	r, log := startLogged(t, dbtest.New(t), slog.LevelWarn)
	address := strings.TrimPrefix(r.URL(), "http://")
	get := func(header string) string {
		return "GET /api/client/features HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n"
	}
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"a token with a NUL":             {get("Authorization: a\x00b"), 400},
		"a token over two lines":         {get("Authorization: a\r\n b"), 401},
		"a token of odd bytes":           {get("Authorization: \xff\xfe\x80"), 401},
		"a header without a name":        {get(": x"), 400},
		"a token of 100 KiB":             {get("Authorization: " + strings.Repeat("x", 100<<10)), 431},
		"very many headers":              {get(strings.Repeat("A: b\r\n", 20<<10) + "C: d"), 431},
		"no HTTP":                        {"hello, is anybody there?\r\n\r\n", 400},
		"TLS":                            {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n\r\n", 400},
		"two lengths":                    {"POST /api/client/metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400},
		"a negative length":              {"POST /api/client/metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
		"no host":                        {"GET /health HTTP/1.1\r\n\r\n", 400},
		"a bad escape":                   {"GET /api/client/features/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"an address in place of a path":  {"GET http://elsewhere/health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"two requests in one":            {"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"chunks that are none":           {"POST /edge/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		"a star":                         {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"a tunnel":                       {"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n", 404},
		"a body cut short and then gone": {"POST /edge/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", 0},
	} {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		require.NoError(t, connection.SetDeadline(time.Now().Add(patience)))
		_, err = io.WriteString(connection, test.request)
		require.NoError(t, err, name)
		if test.status > 0 {
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err, name)
			require.Equal(t, test.status, response.StatusCode, name)
			require.NoError(t, response.Body.Close())
		}
		require.NoError(t, connection.Close())
	}
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, "/ready", "", sent{}).status)
	require.NotContains(t, log.String(), "level=ERROR")
}
