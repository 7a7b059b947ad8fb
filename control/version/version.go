// Package version tells whether something that people edit has changed since they read it, so that nobody overwrites
// what they have not seen (If-Match).
//
// A version is a hash of the rows that an edit writes, and of nothing else: usage, for example, does not change it. It
// costs nothing where nobody asks for it: there is no column to keep and no trigger. A write that asks locks the rows
// first, the root before the rest. Whoever else writes them, whatever way, then waits, also those who add rows below the
// root, because a foreign key takes a share of the root's lock. So of two writes that ask for the same version one finds
// another.
package version

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Resource is something with a version. It is immutable.
type Resource struct {
	name  string
	locks []statement
	read  statement
}

// Name says what it is, for people: "flag".
func (r *Resource) Name() string { return r.name }

// rows are some of a resource's rows.
type rows struct {
	table string
	where string // a condition on t; {x} stands for the parameter x, a text
	hide  string // columns whose changes are nobody's edit, with commas
}

// statement is SQL whose parameters have names.
type statement struct {
	sql        string
	parameters []string
}

func (s statement) arguments(parameter func(name string) string) []any {
	list := make([]any, len(s.parameters))
	for i, name := range s.parameters {
		list[i] = parameter(name)
	}
	return list
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func newStatement(sql string) statement {
	s := statement{}
	numbers := map[string]int{}
	s.sql = placeholder.ReplaceAllStringFunc(sql, func(found string) string {
		if numbers[found] == 0 {
			s.parameters = append(s.parameters, found[1:len(found)-1])
			numbers[found] = len(s.parameters)
		}
		return "$" + strconv.Itoa(numbers[found]) + "::text"
	})
	return s
}

// newResource makes a resource of the rows it consists of. The first are its root: without them it does not exist, and
// to add one of the others takes a share of their lock.
func newResource(name string, parts ...rows) *Resource {
	r := &Resource{name: name}
	selects := make([]string, len(parts))
	for i, part := range parts {
		r.locks = append(r.locks, newStatement("SELECT FROM "+part.table+" t WHERE "+part.where+" ORDER BY t.ctid FOR UPDATE"))
		selects[i] = "SELECT " + strconv.Itoa(i) + " AS part, (to_jsonb(t) - string_to_array('" + part.hide + "', ','))::text COLLATE \"C\" AS content" +
			" FROM " + part.table + " t WHERE " + part.where
	}
	r.read = newStatement("SELECT count(*) FILTER (WHERE part = 0) > 0, md5(coalesce(string_agg(part || content, ',' ORDER BY part, content), ''))" +
		" FROM (" + strings.Join(selects, " UNION ALL ") + ") all_rows")
	return r
}

// Querier is a pool, a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// Read returns the version, or an empty one where the resource does not exist. parameter gives the values of the names
// in the resource's conditions.
func (r *Resource) Read(ctx context.Context, from Querier, parameter func(name string) string) (string, error) {
	var exists bool
	var hash string
	err := from.QueryRow(ctx, r.read.sql, r.read.arguments(parameter)...).Scan(&exists, &hash)
	if err != nil {
		return "", fmt.Errorf("read version of %s: %w", r.name, err)
	}
	if !exists {
		return "", nil
	}
	return hash, nil
}

// Lock is Read after having locked the resource until tx ends. Both are sent at once.
func (r *Resource) Lock(ctx context.Context, tx pgx.Tx, parameter func(name string) string) (hash string, err error) {
	batch := &pgx.Batch{}
	for _, lock := range r.locks {
		batch.Queue(lock.sql, lock.arguments(parameter)...)
	}
	var exists bool
	// A statement of its own, so that it sees what those who held the locks have committed.
	batch.Queue(r.read.sql, r.read.arguments(parameter)...).QueryRow(func(row pgx.Row) error { return row.Scan(&exists, &hash) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return "", fmt.Errorf("lock %s: %w", r.name, err)
	}
	if !exists {
		return "", nil
	}
	return hash, nil
}
