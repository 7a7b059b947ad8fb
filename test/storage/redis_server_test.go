package storage

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"
)

// redisServer is a redis-server of its own.
type redisServer struct {
	folder  string
	args    []string
	address string // host:port, or a path
	process *exec.Cmd
}

// newRedis prepares a server on a free port. It keeps its data over a restart.
func newRedis(t *testing.T, args ...string) *redisServer {
	t.Helper()
	s := &redisServer{folder: t.TempDir(), address: freeAddress(t)}
	_, port := hostPort(t, s.address)
	s.args = append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", s.folder, "--appendonly", "yes"}, args...)
	t.Cleanup(s.stop)
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}

// start returns when the server takes connections.
func (s *redisServer) start(t *testing.T) {
	t.Helper()
	s.process = exec.Command("redis-server", s.args...)
	require.NoError(t, s.process.Start())
	network := "tcp"
	if filepath.IsAbs(s.address) {
		network = "unix"
	}
	await(t, func() bool {
		connection, err := net.Dial(network, s.address)
		if err != nil {
			return false
		}
		defer func() { _ = connection.Close() }()
		_ = connection.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(connection, "PING\r\n")
		answer := make([]byte, len("-LOADING"))
		_, _ = io.ReadFull(connection, answer) // with TLS there is none
		return string(answer) != "-LOADING"
	})
}

// stop kills the server.
func (s *redisServer) stop() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// command sends one command to a server without TLS and password.
func (s *redisServer) command(t *testing.T, name string, args ...any) any {
	t.Helper()
	connection, err := redis.Dial("tcp", s.address)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	answer, err := connection.Do(name, args...)
	require.NoError(t, err)
	return answer
}

func hostPort(t *testing.T, address string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	port, err = strconv.Atoi(text)
	require.NoError(t, err)
	return host, port
}

// newCluster starts three nodes that share the slots.
func newCluster(t *testing.T) []*redisServer {
	t.Helper()
	const slots = 16384
	nodes := make([]*redisServer, 3)
	buses := make([]int, len(nodes))
	for i := range nodes {
		_, bus := hostPort(t, freeAddress(t))
		buses[i] = bus
		nodes[i] = newRedis(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--appendonly", "no")
		nodes[i].start(t)
		nodes[i].command(t, "CLUSTER", "ADDSLOTSRANGE", slots*i/len(nodes), slots*(i+1)/len(nodes)-1)
		nodes[i].command(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	for i, node := range nodes[1:] {
		host, port := hostPort(t, node.address)
		nodes[0].command(t, "CLUSTER", "MEET", host, port, buses[i+1])
	}
	await(t, func() bool {
		for _, node := range nodes {
			info, err := redis.String(node.command(t, "CLUSTER", "INFO"), nil)
			require.NoError(t, err)
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	})
	return nodes
}

// certificate writes a self-signed certificate for 127.0.0.1 and returns the files and who trusts it.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}
