//go:build unix

package fault

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var toxiproxyBuild sync.Once

// toxiproxy is a running Toxiproxy (https://github.com/Shopify/toxiproxy). Its program is a tool of tools/toxiproxy, so that
// what it is made of stays out of Pennon's modules.
type toxiproxy struct {
	t   *testing.T
	api string
}

// newToxiproxy starts one until the test ends.
func newToxiproxy(t *testing.T) *toxiproxy {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	program := filepath.Join(root, ".cache", "bin", "toxiproxy-server")
	toxiproxyBuild.Do(func() {
		build := exec.Command("go", "build", "-o", program, "github.com/Shopify/toxiproxy/v2/cmd/server")
		build.Dir = filepath.Join(root, "tools", "toxiproxy")
		output, err := build.CombinedOutput()
		require.NoError(t, err, string(output))
	})
	port := strconv.Itoa(freePort(t))
	command := exec.Command(program, "-host", "127.0.0.1", "-port", port)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	p := &toxiproxy{t: t, api: "http://127.0.0.1:" + port}
	require.Eventually(t, func() bool {
		response, err := http.Get(p.api + "/version")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	}, patience, pollInterval)
	return p
}

func (p *toxiproxy) call(method, path string, body any) {
	p.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(p.t, err)
	request, err := http.NewRequest(method, p.api+path, bytes.NewReader(text))
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, response.Body.Close())
	require.Less(p.t, response.StatusCode, 300, "%s %s: %s", method, path, answer)
}

// wire is a connection between two of the world that can be made bad.
type wire struct {
	proxy *toxiproxy
	name  string
	port  int
	bad   []string // toxics that are on
}

// newWire makes one to the address.
func (p *toxiproxy) newWire(name, to string) *wire {
	p.t.Helper()
	w := &wire{proxy: p, name: name, port: freePort(p.t)}
	p.call(http.MethodPost, "/proxies", map[string]any{
		"name": name, "listen": "127.0.0.1:" + strconv.Itoa(w.port), "upstream": to, "enabled": true,
	})
	return w
}

func (w *wire) url() string { return "http://127.0.0.1:" + strconv.Itoa(w.port) }

// cut refuses connections and ends those there are.
func (w *wire) cut(cut bool) {
	w.proxy.call(http.MethodPost, "/proxies/"+w.name, map[string]any{"enabled": !cut})
}

// spoil puts a toxic on both directions.
func (w *wire) spoil(kind string, attributes map[string]any) {
	for _, stream := range []string{"upstream", "downstream"} {
		name := kind + "-" + stream
		w.proxy.call(http.MethodPost, "/proxies/"+w.name+"/toxics", map[string]any{
			"name": name, "type": kind, "stream": stream, "toxicity": 1, "attributes": attributes,
		})
		w.bad = append(w.bad, name)
	}
}

// heal takes all toxics off.
func (w *wire) heal() {
	for _, name := range w.bad {
		w.proxy.call(http.MethodDelete, "/proxies/"+w.name+"/toxics/"+name, nil)
	}
	w.bad = nil
}

// spoilFor spoils the wire for the time of an outage.
func (w *wire) spoilFor(d time.Duration, kind string, attributes map[string]any) {
	w.spoil(kind, attributes)
	wait(w.proxy.t, d)
	w.heal()
}
