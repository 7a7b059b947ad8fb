package seed

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// table is the destination of one COPY: a row a flag or a row a strategy.
type table struct {
	name     string
	columns  []string
	flag     func(Flag) []any
	strategy func(flag Flag, order int, parameters, constraints json.RawMessage) []any
}

var pennonTables = []table{
	{
		name: "features", columns: []string{"name", "project", "type"},
		flag: func(f Flag) []any { return []any{f.Name, f.Project, f.Type} },
	},
	{
		name: "feature_environments", columns: []string{"feature", "environment", "enabled"},
		flag: func(f Flag) []any { return []any{f.Name, Environment, f.Enabled} },
	},
	{
		name:    "feature_strategies",
		columns: []string{"id", "feature", "environment", "strategy_name", "sort_order", "parameters", "constraints"},
		strategy: func(f Flag, order int, parameters, constraints json.RawMessage) []any {
			s := f.Strategies[order]
			return []any{s.ID, f.Name, Environment, s.Name, order, parameters, constraints}
		},
	},
}

var peerTables = []table{
	{
		name: "features", columns: []string{"name", "project", "type"},
		flag: func(f Flag) []any { return []any{f.Name, f.Project, f.Type} },
	},
	{
		name: "feature_environments", columns: []string{"feature_name", "environment", "enabled", "variants"},
		flag: func(f Flag) []any { return []any{f.Name, Environment, f.Enabled, json.RawMessage("[]")} },
	},
	{
		name: "feature_strategies",
		columns: []string{
			"id", "feature_name", "project_name", "environment", "strategy_name", "sort_order", "parameters", "constraints", "variants",
		},
		strategy: func(f Flag, order int, parameters, constraints json.RawMessage) []any {
			s := f.Strategies[order]
			return []any{s.ID, f.Name, f.Project, Environment, s.Name, order, parameters, constraints, json.RawMessage("[]")}
		},
	},
}

// Pennon loads flags into a migrated database of Pennon, in one transaction.
func Pennon(ctx context.Context, databaseURL string, flags []Flag) error {
	return load(ctx, databaseURL, pennonTables, flags)
}

// Peer loads flags into a database that the Unleash server has migrated, in one transaction. The server must not run: it
// looks for changes in its event table, which is left alone.
func Peer(ctx context.Context, databaseURL string, flags []Flag) error {
	return load(ctx, databaseURL, peerTables, flags)
}

func load(ctx context.Context, databaseURL string, tables []table, flags []Flag) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("load flags: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, t := range tables {
			rows, err := t.rows(flags)
			if err != nil {
				return err
			}
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows)); err != nil {
				return fmt.Errorf("copy into %s: %w", t.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load flags: %w", err)
	}
	// Plans must not depend on when autovacuum comes by.
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("load flags: %w", err)
	}
	return nil
}

func (t table) rows(flags []Flag) ([][]any, error) {
	var rows [][]any
	for _, f := range flags {
		if t.flag != nil {
			rows = append(rows, t.flag(f))
			continue
		}
		for order, s := range f.Strategies {
			parameters, err := json.Marshal(s.Parameters)
			if err != nil {
				return nil, fmt.Errorf("encode parameters: %w", err)
			}
			constraints, err := json.Marshal(s.Constraints)
			if err != nil {
				return nil, fmt.Errorf("encode constraints: %w", err)
			}
			rows = append(rows, t.strategy(f, order, parameters, constraints))
		}
	}
	return rows, nil
}
