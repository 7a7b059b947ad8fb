package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pennonhq/pennon/db"
)

type migrateCommand struct {
	Up      migrateUpCommand      `cmd:"" default:"withargs" help:"Apply every migration that is missing."`
	Down    migrateDownCommand    `cmd:"" help:"Take migrations back. This destroys data."`
	Version migrateVersionCommand `cmd:"" help:"Print the version of the schema."`
}

type migrateUpCommand struct {
	Log      logOptions      `embed:""`
	Database databaseOptions `embed:""`
}

// Run migrates up.
func (c *migrateUpCommand) Run(ctx context.Context, std streams) error {
	url, err := c.Database.migrationURL()
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx, url, c.Log.logger(std)); err != nil {
		return err
	}
	return printSchemaVersion(ctx, std, url)
}

type migrateDownCommand struct {
	Steps    int             `name:"steps" default:"1" help:"How many migrations to take back; 0 for all."`
	Yes      bool            `name:"yes" help:"Confirm that data may be lost."`
	Database databaseOptions `embed:""`
}

// Run migrates down, when it is confirmed.
func (c *migrateDownCommand) Run(ctx context.Context, std streams) error {
	if !c.Yes {
		return errors.New("taking migrations back destroys data; repeat with --yes")
	}
	url, err := c.Database.migrationURL()
	if err != nil {
		return err
	}
	if err := db.MigrateDown(ctx, url, c.Steps); err != nil {
		return err
	}
	return printSchemaVersion(ctx, std, url)
}

type migrateVersionCommand struct {
	Database databaseOptions `embed:""`
}

// Run prints the schema's version.
func (c *migrateVersionCommand) Run(ctx context.Context, std streams) error {
	url, err := c.Database.migrationURL()
	if err != nil {
		return err
	}
	return printSchemaVersion(ctx, std, url)
}

func printSchemaVersion(ctx context.Context, std streams, url string) error {
	version, dirty, err := db.SchemaVersion(ctx, url)
	if err != nil {
		return err
	}
	if dirty {
		return fmt.Errorf("migration %d failed half-way: repair the schema, then set the version in schema_migrations", version)
	}
	_, err = fmt.Fprintln(std.out, "schema version", version)
	return err
}

// migrationURL is the direct URL: migrations need a session of their own.
func (o databaseOptions) migrationURL() (string, error) {
	_, direct, err := o.urls()
	if err != nil {
		return "", err
	}
	if direct == "" {
		return "", errNoDatabase
	}
	return direct, nil
}
