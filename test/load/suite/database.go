package suite

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/system"
)

// databases remembers which databases have been made, and the error of those that could not be.
type databases map[string]error

// markedFlags is the number of flags that the streaming areas change.
const markedFlags = 20

// kind is a way to make databases.
type kind struct {
	name    string
	prepare func(ctx context.Context, name string) error // migrates an empty database
	load    func(ctx context.Context, url string, flags []seed.Flag) error
}

// pennonDatabase returns the name of a Pennon database with the given flags, which it makes the first time. What is
// written there stays until the end of the run; use says for what, so that areas do not meet.
func (b *Bench) pennonDatabase(ctx context.Context, use string, flags []seed.Flag) (string, error) {
	return b.database(ctx, kind{"pennon", func(ctx context.Context, name string) error {
		return startOnce(ctx, name, b.startPennon)
	}, seed.Pennon}, use, flags)
}

// schemaDatabase is pennonDatabase for measurements of the database alone: it has no tokens and needs no server.
func (b *Bench) schemaDatabase(ctx context.Context, use string, flags []seed.Flag) (string, error) {
	return b.database(ctx, kind{"schema", func(ctx context.Context, name string) error {
		return db.Migrate(ctx, b.postgres.DSN(name), b.Logger)
	}, seed.Pennon}, use, flags)
}

// peerDatabase is pennonDatabase for the Unleash server.
func (b *Bench) peerDatabase(ctx context.Context, use string, flags []seed.Flag) (string, error) {
	return b.database(ctx, kind{"unleash", func(ctx context.Context, name string) error {
		return startOnce(ctx, name, b.startPeer)
	}, seed.Peer}, use, flags)
}

// startOnce lets a server migrate a database and store the tokens, as its first start does.
func startOnce(ctx context.Context, database string, start func(context.Context, string) (*system.Process, error)) error {
	p, err := start(ctx, database)
	if err != nil {
		return err
	}
	p.Stop()
	return nil
}

func (b *Bench) database(ctx context.Context, k kind, use string, flags []seed.Flag) (string, error) {
	empty := k.name + "_empty"
	err := b.once(empty, func() error {
		if err := b.postgres.CreateDatabase(ctx, empty); err != nil {
			return err
		}
		return k.prepare(ctx, empty)
	})
	if err != nil {
		return "", err
	}
	name := k.name + "_" + use
	return name, b.once(name, func() error {
		statement := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE " + pgx.Identifier{empty}.Sanitize()
		if err := b.exec(ctx, "postgres", statement); err != nil {
			return err
		}
		return k.load(ctx, b.postgres.DSN(name), flags)
	})
}

// once makes a database unless it has been tried before.
func (b *Bench) once(name string, create func() error) error {
	if err, tried := b.databases[name]; tried {
		return err
	}
	err := create()
	if err != nil {
		err = fmt.Errorf("make database %s: %w", name, err)
	}
	b.databases[name] = err
	return err
}

// exec runs SQL in a database.
func (b *Bench) exec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, b.postgres.DSN(database))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", database, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("run SQL in %s: %w", database, err)
	}
	return nil
}
