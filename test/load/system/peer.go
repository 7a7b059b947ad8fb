package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/db/postgres"
)

// PeerVersion is the published Unleash server Pennon is measured beside.
const PeerVersion = "8.2.0"

// Peer is an installed Unleash server.
type Peer struct {
	node   string
	server string
}

// InstallPeer makes sure that the Unleash server and a Node.js new enough for it are in dir, by npm from the package file
// and lock in manifest. No package's install script is run.
func InstallPeer(ctx context.Context, dir, manifest string) (*Peer, error) {
	peer := &Peer{server: filepath.Join(dir, "node_modules", "unleash-server", "dist", "server.js")}
	if !installed(peer.server, PeerVersion) {
		if err := installFrom(ctx, dir, manifest); err != nil {
			return nil, fmt.Errorf("install unleash-server: %w", err)
		}
	}
	for _, node := range []string{filepath.Join(dir, "node_modules", nodePackage(), "bin", "node"), "node"} {
		if major, err := nodeMajor(ctx, node); err == nil && major >= 22 {
			peer.node = node
			return peer, nil
		}
	}
	return nil, errors.New("unleash-server wants Node.js 22 or newer, and there is none on PATH nor from npm for this platform")
}

// installFrom installs what the package file and lock in manifest say into dir.
func installFrom(ctx context.Context, dir, manifest string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(manifest, name)); err != nil {
			return err
		}
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, string(out[:min(len(out), 200)]))
	}
	return nil
}

// nodePackage is npm's package of the Node.js binary for this platform.
func nodePackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return "node-" + runtime.GOOS + "-" + arch
}

func installed(server, version string) bool {
	manifest, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(server)), "package.json"))
	return err == nil && strings.Contains(string(manifest), `"version": "`+version+`"`)
}

func nodeMajor(ctx context.Context, node string) (int, error) {
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask node for its version: %w", err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	return strconv.Atoi(major)
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// NodeVersion is the version of the Node.js the server runs on.
func (p *Peer) NodeVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, p.node, "--version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// Database is where a server keeps what it knows.
type Database struct {
	Host string // or the folder of a Unix socket
	Port int
	User string
	Name string
}

// Start starts the server on a database of the private PostgreSQL.
func (p *Peer) Start(server *postgres.Server, database, logs string) (*Process, error) {
	return p.StartOn(Database{Host: server.SocketDir(), Port: server.Port(), User: "postgres", Name: database}, logs)
}

// StartOn starts the server on a database, which it fills. Its rate limits and its limit of flags are raised so that they do
// not end a run; telemetry and the version check, which would leave the machine, are off. Settings are environment variables
// that come after these.
func (p *Peer) StartOn(database Database, logs string, settings ...string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return Start(Command{
		Name: "unleash-server", Path: p.node, Args: []string{p.server}, Addr: addr, Log: logs,
		Env: append([]string{
			"NODE_ENV=production", "HTTP_HOST=" + host, "HTTP_PORT=" + port,
			"DATABASE_HOST=" + database.Host, "DATABASE_PORT=" + strconv.Itoa(database.Port), "DATABASE_NAME=" + database.Name,
			"DATABASE_USERNAME=" + database.User, "DATABASE_PASSWORD=none", "DATABASE_SSL=false",
			"INIT_ADMIN_API_TOKENS=" + AdminToken, "INIT_BACKEND_API_TOKENS=" + ClientToken,
			"INIT_FRONTEND_API_TOKENS=" + FrontendToken,
			"SDK_API_RATE_LIMIT_PER_MINUTE=100000000", "TOKEN_AUTHENTICATION_RATE_LIMIT_PER_MINUTE=100000000",
			"CLIENT_METRICS_RATE_LIMIT_PER_MINUTE=100000000", "REGISTER_CLIENT_RATE_LIMIT_PER_MINUTE=100000000",
			"UNLEASH_FEATURE_FLAGS_LIMIT=20000", "CHECK_VERSION=false", "SEND_TELEMETRY=false",
		}, settings...),
	})
}
