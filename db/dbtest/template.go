package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"

	"github.com/pennonhq/pennon/db"
)

// ensureTemplate returns the name of the template database for the present migrations, and makes it unless another
// process of the same server has. Copying it takes a fraction of running the migrations.
func (s *server) ensureTemplate(ctx context.Context) (string, error) {
	hash, err := migrationsHash()
	if err != nil {
		return "", err
	}
	name := "pennon_template_" + hash

	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return "", fmt.Errorf("make template: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return "", fmt.Errorf("make template: %w", err)
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)
	}()

	// is_template is set last, so it also says that the template is complete.
	var complete bool
	err = conn.QueryRow(ctx, "SELECT coalesce((SELECT datistemplate FROM pg_database WHERE datname = $1), false)", name).Scan(&complete)
	if err != nil {
		return "", fmt.Errorf("make template: %w", err)
	}
	if complete {
		return name, nil
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("make template: %w", err)
		}
	}
	dsn, err := withDatabase(s.url, name)
	if err != nil {
		return "", err
	}
	if err := db.Migrate(ctx, dsn, slog.New(slog.DiscardHandler)); err != nil {
		return "", fmt.Errorf("make template: %w", err)
	}
	// A database with a connection open cannot be copied, so nobody may connect from now on.
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+name+" WITH ALLOW_CONNECTIONS false IS_TEMPLATE true"); err != nil {
		return "", fmt.Errorf("make template: %w", err)
	}
	return name, nil
}

// migrationsHash names the state of all migrations.
func migrationsHash() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(db.Migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := db.Migrations.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash migrations: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// withDatabase is the URL of another database on the same server.
func withDatabase(serverURL, name string) (string, error) {
	u, err := url.Parse(serverURL)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("%s is not a URL: %w", URLVariable, err)
	}
	u.Path = "/" + name
	return u.String(), nil
}
