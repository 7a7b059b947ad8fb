// Package postgres runs a private PostgreSQL server beside Pennon: for a first try without a database, for development, and
// for tests. It finds (or fetches) the binaries, makes the data directory, starts the server so that it never outlives
// this process for long, and stops it. The server is reachable through a unix socket in a directory that only its user
// may enter, and on 127.0.0.1 with a password when a port is asked for.
//
// It is not for production data: there are no backups, no replicas, no upgrades between major versions. It knows nothing
// of Pennon's schema. It imports none of our packages; cmd/pennon, server and tests may import it.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// MinimumVersion is the oldest PostgreSQL major version that Pennon's schema runs on.
	MinimumVersion = 15

	// superuser is the role that initdb creates and that DSN connects as.
	superuser = "postgres"

	// socketPort names the socket file when there is no TCP port.
	socketPort = 5432

	// startTimeout bounds the wait for a started server to accept connections, recovery after a crash included.
	startTimeout = 60 * time.Second
)

// Config says what to start. The zero Config is a throw-away server's apart from Throwaway itself.
type Config struct {
	// Dir holds the data and survives restarts. It is made when missing. Empty: a temporary directory that Stop removes.
	Dir string

	// BinDir holds postgres and initdb. Empty: they are looked for, and fetched when there are none (see FindBinaries).
	BinDir string

	// Throwaway trades durability for speed (no fsync). For data nobody will miss.
	Throwaway bool

	// Port makes the server listen on 127.0.0.1 too, with a password. 0: unix socket only.
	Port int

	// MaxConnections is PostgreSQL's max_connections. 0: 100.
	MaxConnections int

	// Logger receives what happens. Nil: nothing is logged.
	Logger *slog.Logger
}

// Server is a running private PostgreSQL server. Its methods may be called from any goroutine.
type Server struct {
	dir       string // holds data, log, lock and password
	socketDir string
	port      int
	listens   bool
	password  string
	remove    []string // directories to remove after Stop
	throwaway bool
	logger    *slog.Logger
	lock      *os.File
	process   *Process
}

// Start starts a server and returns when it accepts connections. ctx bounds the start only; the server runs until Stop, or
// until this process ends in whatever way (on Linux at once, elsewhere at the next Start in the same Dir).
// A second Start in a Dir in use is refused.
func Start(ctx context.Context, config Config) (_ *Server, err error) {
	logger := config.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logger = logger.With("component", "postgres")

	binaries, err := FindBinaries(ctx, config.BinDir, logger)
	if err != nil {
		return nil, err
	}
	account, err := ServerAccount()
	if err != nil {
		return nil, err
	}

	s := &Server{port: config.Port, listens: config.Port != 0, throwaway: config.Throwaway, logger: logger}
	if !s.listens {
		s.port = socketPort
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := s.prepareDirs(config.Dir, account); err != nil {
		return nil, err
	}
	cluster := cluster{dir: filepath.Join(s.dir, "data"), binaries: binaries, account: account}
	if s.password, err = cluster.ensure(ctx, filepath.Join(s.dir, "password"), config.Throwaway, logger); err != nil {
		return nil, err
	}
	if err := cluster.endOrphan(ctx, logger); err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	began := time.Now()
	s.process, err = startServerPatiently(ctx, cluster, s.arguments(cluster, config), filepath.Join(s.dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	logger.Debug("private PostgreSQL started", "dir", s.dir, "binaries", binaries.dir, "took", time.Since(began))
	return s, nil
}

// arguments are those of the postgres command.
func (s *Server) arguments(c cluster, config Config) []string {
	listen := ""
	if s.listens {
		listen = "127.0.0.1"
	}
	connections := config.MaxConnections
	if connections == 0 {
		connections = 100
	}
	arguments := []string{
		"-D", c.dir,
		"-k", s.socketDir,
		"-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=" + listen,
		"-c", "max_connections=" + strconv.Itoa(connections),
		"-c", "jit=off", // short queries only: compiling them costs more than running them
	}
	if config.Throwaway {
		arguments = append(arguments,
			"-c", "fsync=off",
			"-c", "full_page_writes=off",
			"-c", "synchronous_commit=off",
			"-c", "max_wal_size=2GB",
		)
	}
	return arguments
}

// DSN is the URL of a database on the server, through the unix socket. pgx, golang-migrate and psql accept it.
func (s *Server) DSN(database string) string {
	return (&url.URL{
		Scheme: "postgres",
		User:   url.User(superuser),
		Path:   "/" + database,
		RawQuery: url.Values{
			"host":    {s.socketDir},
			"port":    {strconv.Itoa(s.port)},
			"sslmode": {"disable"},
		}.Encode(),
	}).String()
}

// SocketDir is the directory of the unix socket, and Port the number in the socket's name (and of TCP, when it listens).
func (s *Server) SocketDir() string { return s.socketDir }

// Port is the number in the socket's name, and of the TCP port when there is one.
func (s *Server) Port() int { return s.port }

// PsqlCommand is what to paste into a shell to talk to a database of the server.
func (s *Server) PsqlCommand(database string) string {
	if s.listens {
		return fmt.Sprintf("psql postgres://%s:%s@127.0.0.1:%d/%s", superuser, s.password, s.port, database)
	}
	return fmt.Sprintf("psql -h %s -U %s %s", shellQuote(s.socketDir), superuser, database)
}

// Done is closed when the server's process has ended, asked for or not.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// CreateDatabase creates a database unless it exists.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	var pgErr *pgconn.PgError
	// Two creators at once make one of them fail on the catalogue's unique index rather than with duplicate_database.
	if errors.As(err, &pgErr) && (pgErr.Code == "42P04" || pgErr.Code == "23505") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// Stop ends open connections, stops the server and waits for it. When ctx ends first, the server is stopped the hard way
// (it recovers at the next start). A second Stop does nothing.
func (s *Server) Stop(ctx context.Context) error {
	err := s.process.Stop(ctx, s.throwaway)
	s.release()
	return err
}

// release gives up the lock and the temporary directories.
func (s *Server) release() {
	for _, dir := range s.remove {
		if err := os.RemoveAll(dir); err != nil {
			s.logger.Warn("temporary directory stays", "dir", dir, "err", err)
		}
	}
	if s.lock != nil {
		_ = s.lock.Close() // gives up the flock; a second close is harmless
	}
}
