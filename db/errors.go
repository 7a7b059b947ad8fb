package db

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pennonhq/pennon/fault"
)

// SQLSTATE codes that mean something to the user.
const (
	codeNotNullViolation    = "23502"
	codeForeignKeyViolation = "23503"
	codeUniqueViolation     = "23505"
	codeCheckViolation      = "23514"
	codeInvalidText         = "22P02"
	codeUntranslatable      = "22P05"
	codeStringTooLong       = "22001"
	codeOutOfRange          = "22003"
	codeBadEncoding         = "22021"
)

// constraintFaults says what breaking a named constraint means. Rules are checked in control first, with better words;
// these are the net below it, for races and plain SQL.
var constraintFaults = map[string]struct {
	kind    fault.Kind
	message string
}{
	"features_pkey":                          {fault.NameTaken, "A flag with that name already exists"},
	"features_name_url_friendly":             {fault.Invalid, "The flag's name must be URL friendly and at most 100 characters long."},
	"features_project_fkey":                  {fault.NotFound, "The project does not exist."},
	"features_type_fkey":                     {fault.Invalid, "The flag type does not exist."},
	"projects_pkey":                          {fault.NameTaken, "A project with this id already exists."},
	"projects_id_url_friendly":               {fault.Invalid, "The project's id must be URL friendly and at most 100 characters long."},
	"environments_pkey":                      {fault.NameTaken, "An environment with that name already exists."},
	"environments_name_url_friendly":         {fault.Invalid, "The environment's name must be URL friendly and at most 100 characters long."},
	"project_environments_pkey":              {fault.Conflict, "The project already has the environment enabled."},
	"segments_name_key":                      {fault.NameTaken, "A segment with that name already exists."},
	"feature_strategy_segments_segment_fkey": {fault.Conflict, "The segment is used by a strategy, or does not exist."},
	"feature_dependencies_parent_fkey":       {fault.Refused, "Other flags depend on this one."},
	"feature_strategies_type_fkey":           {fault.Invalid, "The strategy type does not exist."},
	"feature_tags_tag_fkey":                  {fault.NotFound, "The tag does not exist."},
	"tags_type_fkey":                         {fault.NotFound, "The tag type does not exist."},
	"tag_types_pkey":                         {fault.NameTaken, "A tag type with that name already exists."},
	"context_fields_pkey":                    {fault.NameTaken, "A context field with that name already exists."},
	"strategy_types_pkey":                    {fault.NameTaken, "A strategy type with that name already exists."},
	"api_tokens_secret_hash_key":             {fault.NameTaken, "A token with that secret already exists."},
	"api_tokens_environment_fkey":            {fault.Invalid, "The environment does not exist."},
	"api_token_projects_project_fkey":        {fault.Invalid, "The project does not exist."},
	"project_environments_environment_fkey":  {fault.NotFound, "The environment does not exist."},
	"project_environments_project_fkey":      {fault.NotFound, "The project does not exist."},
	"feature_environments_environment_fkey":  {fault.NotFound, "The environment does not exist."},
	"feature_strategies_environment_fkey":    {fault.NotFound, "The environment does not exist."},
	"feature_strategies_feature_fkey":        {fault.NotFound, "The flag does not exist."},
	"feature_environments_feature_fkey":      {fault.NotFound, "The flag does not exist."},
	"segments_project_fkey":                  {fault.Invalid, "The project does not exist, or still owns segments."},
}

// Fault turns a database error into the fault the user should see: constraint violations by the constraint's name,
// values PostgreSQL cannot store, a missing row, and a database that cannot be reached. Faults and other errors pass
// through unchanged; nil stays nil.
func Fault(err error) error {
	if err == nil || fault.As(err) != nil {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Wrap(fault.NotFound, err, "Not found.")
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgFault(err, pgErr)
	}
	if unreachable(err) {
		return fault.Wrap(fault.Unavailable, err, "The database cannot be reached. Try again.")
	}
	return err
}

func pgFault(err error, pgErr *pgconn.PgError) error {
	if known, ok := constraintFaults[pgErr.ConstraintName]; ok {
		return fault.Wrap(known.kind, err, "%s", known.message)
	}
	switch pgErr.Code {
	case codeUniqueViolation:
		return fault.Wrap(fault.NameTaken, err, "It already exists.")
	case codeForeignKeyViolation:
		return fault.Wrap(fault.Conflict, err, "It refers to something that does not exist, or is still referred to.")
	case codeCheckViolation, codeNotNullViolation, codeStringTooLong, codeOutOfRange:
		return fault.Wrap(fault.Invalid, err, "A value is out of bounds.")
	case codeInvalidText, codeUntranslatable, codeBadEncoding:
		return fault.Wrap(fault.Invalid, err, "A value holds characters that cannot be stored.")
	}
	// Class 08: connection; 53: resources (too many connections); 57P: shut down, start up, cancelled by the operator.
	if strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "53") || strings.HasPrefix(pgErr.Code, "57P") {
		return fault.Wrap(fault.Unavailable, err, "The database cannot be reached. Try again.")
	}
	return err
}

// unreachable tells failures of the connection from faults of the program.
func unreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	return errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.Timeout(err) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF")
}
