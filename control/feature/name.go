package feature

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// maxNameLength is the longest name of a flag or variant, in characters.
const maxNameLength = 100

// urlFriendly matches what encodeURIComponent leaves alone.
var urlFriendly = regexp.MustCompile(`^[A-Za-z0-9_.!~*'()-]+$`)

// CheckName tells whether a flag could be created under name. The naming pattern of project counts too, when there is such
// a project. Faults: Invalid and NameTaken.
func CheckName(ctx context.Context, tx queries.DBTX, name, project string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if project != "" {
		row, err := q.FeatureProjectGet(ctx, tx, project)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("read project: %w", err)
		}
		if err := checkNamingPattern(row, name); err != nil {
			return err
		}
	}
	return checkNameFree(ctx, tx, name)
}

func checkName(name string) error {
	if problem := nameProblem("name", name); problem != "" {
		return invalid(problem)
	}
	return nil
}

// nameProblem says what is wrong with a name, or nothing. field is how the message calls it.
func nameProblem(field, name string) string {
	switch {
	case name == "":
		return fmt.Sprintf("\"%s\" is not allowed to be empty.", field)
	case utf8.RuneCountInString(name) > maxNameLength:
		return fmt.Sprintf("\"%s\" length must be less than or equal to %d characters long. You provided \"%s\".", field, maxNameLength, name)
	case !urlFriendly.MatchString(name) || name == "." || name == "..":
		return fmt.Sprintf("\"%s\" must be URL friendly. You provided \"%s\".", field, name)
	}
	return ""
}

func checkNameFree(ctx context.Context, tx queries.DBTX, name string) error {
	_, err := q.FeatureGet(ctx, tx, name)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("read feature: %w", err)
	}
	return fault.New(fault.NameTaken, "A flag with that name already exists")
}

// checkNamingPattern holds a name against the project's pattern, which describes the whole name.
func checkNamingPattern(project queries.Project, name string) error {
	if project.FeatureNamingPattern == nil || *project.FeatureNamingPattern == "" {
		return nil
	}
	pattern := *project.FeatureNamingPattern
	compiled, err := regexp.Compile("^(?:" + strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$") + ")$")
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The naming pattern of project \"%s\" is not a valid RE2 expression: %s", project.ID, pattern)
	}
	if compiled.MatchString(name) {
		return nil
	}
	message := fmt.Sprintf("The name \"%s\" does not match the naming pattern of project \"%s\": %s.", name, project.ID, pattern)
	if example := project.FeatureNamingExample; example != nil && *example != "" {
		message += fmt.Sprintf(" A name that does: \"%s\".", *example)
	}
	return invalid(message)
}

func checkType(ctx context.Context, tx pgx.Tx, id string) error {
	ids, err := q.FeatureTypeIDList(ctx, tx)
	if err != nil {
		return fmt.Errorf("read feature types: %w", err)
	}
	if slices.Contains(ids, id) {
		return nil
	}
	return fault.New(fault.Invalid, invalidMessage).With(fault.Detail{Path: "type", Message: fmt.Sprintf(
		"The `type` property must be equal to one of the allowed values: \"%s\". You provided \"%s\", which is not valid. Please use one of the allowed values instead..",
		strings.Join(ids, "\", \""), id)})
}

// invalidMessage heads a list of details.
const invalidMessage = "The input is not valid."

// invalid is the fault for input that breaks rules, one detail a problem.
func invalid(problems ...string) *fault.Fault {
	f := fault.New(fault.Invalid, invalidMessage)
	for _, problem := range problems {
		f.Details = append(f.Details, fault.Detail{Message: problem})
	}
	return f
}
