package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// UnleashEdgeVersion is the published open Unleash Edge that `pennon edge` is measured beside.
const UnleashEdgeVersion = "20.1.0"

// unleashEdgeVariable names an Unleash Edge that is there already.
const unleashEdgeVariable = "UNLEASH_EDGE"

// ErrNoCargo says that Unleash Edge, of which there are no binaries to fetch, cannot be built here.
var ErrNoCargo = errors.New("there is no Unleash Edge: cargo, which builds it, is not on PATH")

// InstallUnleashEdge returns the path of Unleash Edge's binary. Where there is none yet, the repository's script builds it
// from the published crate, which takes minutes.
func InstallUnleashEdge(ctx context.Context, root string) (string, error) {
	if path := os.Getenv(unleashEdgeVariable); path != "" {
		return path, nil
	}
	path := filepath.Join(root, ".cache", "unleash-edge", "bin", "unleash-edge")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		return "", ErrNoCargo
	}
	build := exec.CommandContext(ctx, "bash", filepath.Join("scripts", "unleash-edge.sh"))
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Unleash Edge: %w: %s", err, out[max(0, len(out)-200):])
	}
	return path, nil
}

// StartUnleashEdge starts Unleash Edge in front of the server at upstream.
func StartUnleashEdge(binary, upstream, logs string) (*Process, error) {
	return startEdge(Command{Name: "unleash-edge", Path: binary, Args: []string{"edge"}, Log: logs}, upstream)
}

// StartEdge starts `pennon edge` in front of the server or edge at upstream.
func StartEdge(binary, upstream, logs string) (*Process, error) {
	return startEdge(Command{Name: "pennon-edge", Path: binary, Args: []string{"edge"}, Log: logs}, upstream)
}

// EdgeReady is the path at which both edges tell whether they can serve.
const EdgeReady = "/internal-backstage/ready"

// startEdge gives both the same configuration, by the variables they share; what is left out has the same default.
func startEdge(c Command, upstream string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	c.Addr = addr
	c.Env = []string{"UPSTREAM_URL=http://" + upstream, "TOKENS=" + ClientToken, "INTERFACE=" + host, "PORT=" + port}
	return Start(c)
}
