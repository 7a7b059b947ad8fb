//go:build unix

package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/test/sdk"
)

// TestMovingFromProxy follows docs/migrating-from-proxy.md, from the real @unleash/proxy.
func TestMovingFromProxy(t *testing.T) {
	t.Parallel()
	server := upstream(t)
	admin(t, server, "/strategies", map[string]any{
		"name": "tenant", "parameters": []map[string]any{{"name": "tenants", "type": "list", "description": "", "required": true}},
	})
	admin(t, server, "/projects/default/features", map[string]any{"name": "invoices"})
	admin(t, server, "/projects/default/features/invoices/environments/production/strategies", map[string]any{
		"name": "tenant", "parameters": map[string]string{"tenants": "acme,globex"},
	})
	admin(t, server, "/projects/default/features/invoices/environments/production/on", nil)

	first, second, third := freePort(t), freePort(t), freePort(t)
	s := newSession(t, map[string]string{
		"https://unleash.example.com": server,
		"localhost:3000":              "127.0.0.1:" + first, "-p 3000:": "-p " + first + ":", "ask 3000": "ask " + first,
		"localhost:3001": "127.0.0.1:" + second, "-p 3001:": "-p " + second + ":", "ask 3001": "ask " + second,
		"localhost:$1":   "127.0.0.1:$1",
		"localhost:8081": "127.0.0.1:" + third, "8081, 'localhost'": third + ", '127.0.0.1'",
	}, map[string]string{"pennon": pennon(t), "unleash-proxy": legacyProxy(t)})
	s.run("export NODE_PATH=" + packages(t, "web"))
	follow(t, "migrating-from-proxy.md", "", s)
}

// packages installs the packages of a folder of test/sdk and returns where they are.
func packages(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "sdk", name))
	require.NoError(t, err)
	require.NoError(t, sdk.Install(t.Context(), folder))
	return filepath.Join(folder, "node_modules")
}

// legacyProxy makes a program of @unleash/proxy, which its image has and its package has not.
func legacyProxy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unleash-proxy")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `#!/usr/bin/env bash
export NODE_PATH=%s
exec node -e 'require("@unleash/proxy").createApp({}).listen(process.env.PORT, "127.0.0.1")'
`, packages(t, "proxy")), 0o755))
	return path
}
