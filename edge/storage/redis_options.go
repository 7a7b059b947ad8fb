package storage

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	redisTimeout = 2 * time.Second
	redisPort    = 6379
)

// RedisOptions say how to reach Redis. URLs or Host is required; what a URL leaves out the other fields say.
type RedisOptions struct {
	// URLs like redis://user:password@host:6379/0, with rediss for TLS (#insecure: without checking the certificate), or
	// unix:///path?db=0. Several are nodes of one cluster.
	URLs     []string
	Cluster  bool
	Scheme   string // tcp, tls, redis, rediss, unix or redis-unix; empty: redis
	Host     string // for unix sockets: the path
	Port     int    // 0: 6379
	Username string
	Password string
	TLS      bool // whatever the scheme says

	Roots        *x509.CertPool // nil: the system's
	ReadTimeout  time.Duration  // 0: 2 s; also for connecting
	WriteTimeout time.Duration  // 0: 2 s
}

// server is one Redis server, with what is needed to talk to it.
type server struct {
	network, address   string
	username, password string
	database           int
	tls, insecure      bool
}

func (o RedisOptions) servers() ([]server, error) {
	urls := o.URLs
	if len(urls) == 0 {
		if o.Host == "" {
			return nil, errors.New("the address of Redis is missing: set --redis-url or --redis-host")
		}
		urls = []string{o.url()}
	}
	if len(urls) > 1 && !o.Cluster {
		return nil, errors.New("several --redis-url are nodes of a cluster: set --redis-mode cluster, or give one of them")
	}
	servers := make([]server, 0, len(urls))
	for _, text := range urls {
		s, err := o.server(text)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// url is what Scheme, Host and Port stand for.
func (o RedisOptions) url() string {
	scheme := cmp.Or(o.Scheme, "redis")
	if isSocket(scheme) {
		return (&url.URL{Scheme: scheme, Path: o.Host}).String()
	}
	return scheme + "://" + net.JoinHostPort(strings.Trim(o.Host, "[]"), strconv.Itoa(cmp.Or(o.Port, redisPort)))
}

func isSocket(scheme string) bool {
	return scheme == "unix" || scheme == "redis-unix" || scheme == "redis+unix"
}

// server reads one URL. Its text may hold a password: errors do not quote it.
func (o RedisOptions) server(text string) (server, error) {
	address, err := url.Parse(text)
	if err != nil {
		return server{}, errors.New("the address of Redis is no URL like redis://user:password@host:6379/0")
	}
	s := server{network: "tcp", username: o.Username, password: o.Password, tls: o.TLS}
	if user := address.User; user != nil {
		s.username = cmp.Or(user.Username(), s.username)
		if password, set := user.Password(); set {
			s.password = password
		}
	}
	database := strings.Trim(address.Path, "/")
	switch scheme := address.Scheme; {
	case isSocket(scheme):
		query := address.Query()
		s.network, s.address, s.tls = "unix", address.Path, false
		s.username, s.password = cmp.Or(query.Get("user"), s.username), cmp.Or(query.Get("pass"), s.password)
		database = query.Get("db")
	case scheme == "tls" || scheme == "rediss" || scheme == "valkeys":
		s.tls = true
		s.insecure = address.Fragment == "insecure"
	case scheme != "tcp" && scheme != "redis" && scheme != "valkey":
		return server{}, fmt.Errorf("redis is reached by redis, rediss, tcp, tls, unix or redis-unix, not by %q", scheme)
	}
	if s.network == "tcp" {
		if address.Hostname() == "" {
			return server{}, errors.New("the address of Redis names no host: redis://host:6379")
		}
		s.address = net.JoinHostPort(address.Hostname(), cmp.Or(address.Port(), strconv.Itoa(redisPort)))
	} else if s.address == "" {
		return server{}, errors.New("the address of Redis names no socket: unix:///run/redis.sock")
	}
	if database != "" {
		if s.database, err = strconv.Atoi(database); err != nil || s.database < 0 {
			return server{}, fmt.Errorf("the database of Redis is a number, not %q", database)
		}
	}
	if s.username != "" && s.password == "" {
		return server{}, errors.New("the user of Redis needs a password: set --redis-password")
	}
	return s, nil
}

// dial says how to connect to a server.
func (o RedisOptions) dial(s server) []redis.DialOption {
	read, write := cmp.Or(o.ReadTimeout, redisTimeout), cmp.Or(o.WriteTimeout, redisTimeout)
	host, _, _ := net.SplitHostPort(s.address)
	return []redis.DialOption{
		redis.DialConnectTimeout(read), redis.DialReadTimeout(read), redis.DialWriteTimeout(write),
		redis.DialTLSHandshakeTimeout(read), redis.DialUseTLS(s.tls),
		redis.DialTLSConfig(&tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: o.Roots, ServerName: host,
			InsecureSkipVerify: s.insecure, //nolint:gosec // the operator's own choice, #insecure in the address
		}),
		redis.DialUsername(s.username), redis.DialPassword(s.password), redis.DialDatabase(s.database),
	}
}
