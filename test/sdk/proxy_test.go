//go:build unix

package sdk

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// TestTheProxyAnswersAsTheLegacyProxyDoes runs the real @unleash/proxy and ours on one upstream and holds every answer of
// ours to its.
func TestTheProxyAnswersAsTheLegacyProxyDoes(t *testing.T) {
	t.Parallel()
	upstream := start(t, dbtest.New(t))
	upstream.flag(t, "everyone", true)
	upstream.flag(t, "users", false, strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "stickiness": "userId", "groupId": "g"}})
	upstream.flag(t, "half", false, strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "default", "groupId": "half"}})
	upstream.flag(t, "tenant", false, strategy{
		Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "stickiness": "default", "groupId": "tenant"},
		Constraints: []map[string]any{{"contextName": "tenant", "operator": "IN", "values": []string{"acme"}}},
		Variants: []map[string]any{
			{"name": "red", "weight": 500, "weightType": "variable", "stickiness": "default", "payload": map[string]string{"type": "json", "value": `{"a":"<b>"}`}},
			{"name": "blue", "weight": 500, "weightType": "variable", "stickiness": "default"},
		},
	})
	upstream.flag(t, "off", false)
	upstream.turn(t, "off", false)

	legacy, ours := legacyProxy(t, upstream), ourProxy(t, upstream)
	for _, address := range []string{legacy, ours} {
		require.Eventually(t, func() bool { return exchange(t, address, asked{path: "/proxy/health"}).status == http.StatusOK }, patience, 5*time.Millisecond)
	}

	var matrix []asked
	for _, context := range []string{
		"sessionId=1", "userId=7&sessionId=1", "userId=8&sessionId=2&tenant=acme", "sessionId=3&properties[tenant]=acme",
		"sessionId=1&currentTime=bad", "sessionId=%20x&appName=web&environment=prod&remoteAddress=10.0.0.1",
	} {
		matrix = append(matrix, asked{path: "/proxy?" + context, key: "key"}, asked{path: "/proxy/all?" + context, key: "key"},
			asked{path: "/proxy?" + context, key: "key", header: "If-None-Match"})
	}
	for _, body := range []string{
		`{"context":{"sessionId":"1","userId":"7"}}`, `{"context":{"sessionId":"1","properties":{"tenant":"acme"}}}`,
		`{"context":{"sessionId":"1"},"toggles":["users","nothing","everyone"]}`, `{"toggles":[],"context":{"sessionId":"1"}}`,
		`{"toggles":"x"}`, `{"toggles":`, `[]`,
	} {
		matrix = append(matrix, asked{method: http.MethodPost, path: "/proxy", key: "key", body: body})
	}
	matrix = append(matrix,
		asked{path: "/proxy"}, asked{path: "/proxy", key: "wrong"}, asked{path: "/proxy/all"}, asked{path: "/proxy/health"},
		asked{path: "/proxy/nothing"}, asked{path: "/nothing"}, asked{path: "/proxy/client/features", key: "key"},
		asked{method: http.MethodPost, path: "/proxy/client/metrics", key: "key", body: `{}`},
		asked{method: http.MethodPost, path: "/proxy/client/metrics", key: "wrong", body: `{}`},
		asked{
			method: http.MethodPost, path: "/proxy/client/metrics", key: "key",
			body: `{"appName":"web","instanceId":"1","bucket":{"start":"2026-11-22T08:00:00Z","stop":"2026-11-22T08:01:00Z","toggles":{"everyone":{"yes":1,"no":0}}}}`,
		},
		asked{
			method: http.MethodPost, path: "/proxy/client/register", key: "key",
			body: `{"appName":"web","interval":1,"started":"2026-11-22T08:00:00Z","strategies":[]}`,
		},
		asked{method: http.MethodHead, path: "/proxy/health"},
		asked{method: http.MethodHead, path: "/proxy?userId=7&sessionId=1", key: "wrong"},
		asked{method: http.MethodOptions, path: "/proxy", header: "Access-Control-Request-Headers"},
	)
	for _, question := range matrix {
		require.Equal(t, exchange(t, legacy, question), exchange(t, ours, question), "%s %s %s", question.method, question.path, question.body)
	}
	// HEAD ignores the query, so that chance decides on "half": ask until both have drawn the same.
	for _, path := range []string{"/proxy", "/proxy?userId=7&sessionId=1", "/proxy/all?userId=8&properties[tenant]=acme"} {
		question := asked{method: http.MethodHead, path: path, key: "key"}
		require.Eventually(t, func() bool {
			return reflect.DeepEqual(exchange(t, legacy, question), exchange(t, ours, question))
		}, patience, time.Millisecond, path)
	}
}

// legacyProxy runs @unleash/proxy until the test ends and returns its address.
func legacyProxy(t *testing.T, upstream *running) string {
	t.Helper()
	folder, err := scriptFolder("proxy")
	require.NoError(t, err)
	require.NoError(t, Install(t.Context(), folder))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, "node", filepath.Join(folder, "run.mjs"))
	command.Env = append(os.Environ(), "UNLEASH_URL="+upstream.URL()+"/api", "UNLEASH_API_TOKEN="+clientToken,
		"UNLEASH_PROXY_CLIENT_KEYS=key,other", "ENABLE_ALL_ENDPOINT=true", "LOG_LEVEL=fatal")
	command.WaitDelay = killDelay
	_, err = command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	require.NoError(t, err)
	var said struct{ Port int }
	require.NoError(t, json.Unmarshal(line, &said))
	return fmt.Sprintf("http://127.0.0.1:%d", said.Port)
}

// ourProxy runs the proxy role until the test ends and returns its address.
func ourProxy(t *testing.T, upstream *running) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p, err := edge.NewProxy(ctx, edge.ProxyConfig{
		Version: "test", Logger: slog.New(slog.DiscardHandler), Host: "127.0.0.1", URL: upstream.URL() + "/api", Token: clientToken,
		ClientKeys: []string{"key", "other"}, EnableAll: true,
	})
	if err != nil {
		cancel()
	}
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return p.URL()
}

// asked is a question to a proxy. With a header that is If-None-Match it is asked twice, then with the tag.
type asked struct{ method, path, key, body, header string }

// told is what counts of the answer.
type told struct {
	status  int
	body    string
	headers map[string]string
}

func exchange(t *testing.T, address string, question asked) told {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), question.method, address+question.path, strings.NewReader(question.body))
	require.NoError(t, err)
	if question.key != "" {
		request.Header.Set("Authorization", question.key)
	}
	if question.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept-Encoding", "identity")
	switch question.header {
	case "":
	case "If-None-Match":
		plain := question
		plain.header = ""
		request.Header.Set(question.header, exchange(t, address, plain).headers["Etag"])
	default:
		request.Header.Set("Origin", "https://example.com")
		request.Header.Set("Access-Control-Request-Method", "GET")
		request.Header.Set(question.header, "authorization")
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	headers := map[string]string{}
	for _, name := range []string{
		"Content-Type", "Cache-Control", "Etag", "Vary", "Content-Length", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
		"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "X-Powered-By",
	} {
		headers[name] = response.Header.Get(name)
	}
	if headers["Content-Length"] == "0" { // which HTTP forbids in a 204, and Go leaves out
		headers["Content-Length"] = ""
	}
	return told{response.StatusCode, string(body), headers}
}
