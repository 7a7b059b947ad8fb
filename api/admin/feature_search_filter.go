package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/fault"
)

// defaultFound is how many flags a page of a search holds that names no limit.
const defaultFound = 50

// FeatureFilter are the filters of flags, in Unleash's notation: an operator, a colon, and values with commas between.
type FeatureFilter struct {
	Query           string   `query:"query" maxLength:"500" doc:"A part of the name, the description or a tag (type:value), in any case"`
	Project         string   `query:"project" maxLength:"10000" pattern:"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):.*$" example:"IS:default"`
	State           string   `query:"state" maxLength:"1000" pattern:"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):.*$" example:"IS_ANY_OF:active,potentially-stale" doc:"active, stale or potentially-stale"`
	Lifecycle       string   `query:"lifecycle" maxLength:"1000" pattern:"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):.*$" example:"IS:live" doc:"initial, pre-live, live, completed or archived"`
	Type            string   `query:"type" maxLength:"10000" pattern:"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):.*$" example:"IS:release"`
	CreatedBy       string   `query:"createdBy" maxLength:"10000" pattern:"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):.*$" example:"IS:-42" doc:"Ids of users"`
	Tag             string   `query:"tag" maxLength:"10000" pattern:"^(INCLUDE|DO_NOT_INCLUDE|INCLUDE_ALL_OF|INCLUDE_ANY_OF|EXCLUDE_IF_ANY_OF|EXCLUDE_ALL):.*$" example:"INCLUDE:simple:mine" doc:"Tags as type:value. EXCLUDE_ALL leaves out flags that have all of them"`
	Segment         string   `query:"segment" maxLength:"10000" pattern:"^(INCLUDE|DO_NOT_INCLUDE|INCLUDE_ALL_OF|INCLUDE_ANY_OF|EXCLUDE_IF_ANY_OF|EXCLUDE_ALL):.*$" example:"INCLUDE:beta-testers" doc:"Names of segments that strategies use"`
	Status          []string `query:"status,explode" maxItems:"100" example:"production:enabled" doc:"Environments with enabled or disabled, any of them"`
	StatusBracketed []string `query:"status[],explode" maxItems:"100" doc:"The same as status"`
	CreatedAt       string   `query:"createdAt" pattern:"^(IS_BEFORE|IS_ON_OR_AFTER):\\d{4}-\\d{2}-\\d{2}$" example:"IS_ON_OR_AFTER:2026-11-01" doc:"A day (UTC)"`
	LastSeenAt      string   `query:"lastSeenAt" pattern:"^(IS_BEFORE|IS_ON_OR_AFTER):\\d{4}-\\d{2}-\\d{2}$" example:"IS_BEFORE:2026-11-01" doc:"A day (UTC), in any environment"`
	Archived        string   `query:"archived" pattern:"^IS:(true|false)$" doc:"Default: only flags that are not, unless lifecycle asks for archived ones"`
	Favorite        string   `query:"favorite" pattern:"^(IS|IS_ANY_OF):(true|false)(,(true|false))*$" example:"IS:true" doc:"Favourites of the caller"`
}

// searchFeaturesInput is a search. Numbers and truth values are texts because Unleash's clients are lax about them.
type searchFeaturesInput struct {
	FeatureFilter
	Offset         string `query:"offset" maxLength:"20" example:"0"`
	Limit          string `query:"limit" maxLength:"20" example:"50" doc:"At most 1000; default 50"`
	SortBy         string `query:"sortBy" maxLength:"200" example:"name" doc:"name, type, project, createdBy, createdAt (default), lastSeenAt, archivedAt, lifecycle, stale, favorite, or environment: with the name of one"`
	SortOrder      string `query:"sortOrder" enum:"asc,desc" default:"asc"`
	FavoritesFirst string `query:"favoritesFirst" maxLength:"10" example:"true"`
}

// search reads the query. Filters that cannot be read are told all at once.
func (in *searchFeaturesInput) search(ctx context.Context) (feature.Search, error) {
	p := &filterProblems{}
	s := feature.Search{
		Text: in.Query, Project: textChoice(in.Project), Type: textChoice(in.Type), State: p.state(in.State),
		Stage: p.stage(in.Lifecycle), CreatedBy: p.creators(in.CreatedBy), Tags: p.tags(in.Tag), Segments: segmentMembership(in.Segment),
		Status: p.status(slices.Concat(in.Status, in.StatusBracketed)), Created: p.period("createdAt", in.CreatedAt),
		LastSeen: p.period("lastSeenAt", in.LastSeenAt), Favorite: yesOrNo(in.Favorite), Archived: yesOrNo(in.Archived),
		FavoritesFirst: in.FavoritesFirst == "true", Descending: in.SortOrder == "desc",
		Limit: p.number("limit", in.Limit, defaultFound), Offset: p.number("offset", in.Offset, 0),
	}
	s.Sort, s.SortEnvironment = p.sort(in.SortBy)
	if wantsArchived := slices.Contains(s.Stage.Values, feature.StageArchived) && !s.Stage.Not; in.Archived == "" && !wantsArchived {
		s.Archived = new(bool)
	}
	if id := access.ActorFrom(ctx).UserID; id != nil {
		s.User = *id
	}
	return s, p.err()
}

// filterProblems collects what is wrong with the filters of one request.
type filterProblems struct{ details []fault.Detail }

func (p *filterProblems) refuse(name, rule string) {
	p.details = append(p.details, fault.Detail{Path: "/query/" + name, Message: "The `/query/" + name + "` property " + rule})
}

func (p *filterProblems) err() error {
	if len(p.details) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "The filter cannot be read.").With(p.details...)
}

// operands splits a filter into its operator and its values, which may have spaces around them.
func operands(filter string) (operator string, values []string) {
	operator, list, _ := strings.Cut(filter, ":")
	values = strings.Split(list, ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return operator, values
}

func textChoice(filter string) feature.Choice[string] {
	if filter == "" {
		return feature.Choice[string]{}
	}
	operator, values := operands(filter)
	return feature.Choice[string]{Values: values, Not: operator == "IS_NOT" || operator == "IS_NONE_OF"}
}

func (p *filterProblems) state(filter string) feature.Choice[string] {
	choice := textChoice(filter)
	for _, value := range choice.Values {
		if !slices.Contains(feature.States(), value) {
			p.refuse("state", "must hold some of active, stale and potentially-stale.")
			break
		}
	}
	return choice
}

func (p *filterProblems) stage(filter string) feature.Choice[feature.Stage] {
	text := textChoice(filter)
	choice := feature.Choice[feature.Stage]{Not: text.Not}
	for _, value := range text.Values {
		if !slices.Contains(feature.Stages(), feature.Stage(value)) {
			p.refuse("lifecycle", "must hold some of initial, pre-live, live, completed and archived.")
			break
		}
		choice.Values = append(choice.Values, feature.Stage(value))
	}
	return choice
}

func (p *filterProblems) creators(filter string) feature.Choice[int32] {
	text := textChoice(filter)
	choice := feature.Choice[int32]{Not: text.Not}
	for _, value := range text.Values {
		id, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			p.refuse("createdBy", "must hold ids of users, which are numbers.")
			break
		}
		choice.Values = append(choice.Values, int32(id))
	}
	return choice
}

func (p *filterProblems) tags(filter string) *feature.Membership[feature.Tag] {
	text := segmentMembership(filter)
	if text == nil {
		return nil
	}
	membership := &feature.Membership[feature.Tag]{All: text.All, Not: text.Not}
	for _, value := range text.Values {
		kind, name, ok := strings.Cut(value, ":")
		if !ok || kind == "" || name == "" {
			p.refuse("tag", "must hold tags as type:value.")
			break
		}
		membership.Values = append(membership.Values, feature.Tag{Type: kind, Value: name})
	}
	return membership
}

func segmentMembership(filter string) *feature.Membership[string] {
	if filter == "" {
		return nil
	}
	operator, values := operands(filter)
	return &feature.Membership[string]{
		Values: values,
		All:    operator == "INCLUDE_ALL_OF" || operator == "EXCLUDE_ALL",
		Not:    operator == "DO_NOT_INCLUDE" || operator == "EXCLUDE_IF_ANY_OF" || operator == "EXCLUDE_ALL",
	}
}

func (p *filterProblems) status(filters []string) []feature.EnvironmentStatus {
	var statuses []feature.EnvironmentStatus
	for _, filter := range filters {
		environment, status, _ := strings.Cut(filter, ":")
		if status != "enabled" && status != "disabled" {
			p.refuse("status", "must be the name of an environment, a colon, and enabled or disabled.")
			break
		}
		statuses = append(statuses, feature.EnvironmentStatus{Environment: environment, Enabled: status == "enabled"})
	}
	return statuses
}

func (p *filterProblems) period(name, filter string) feature.Period {
	if filter == "" {
		return feature.Period{}
	}
	operator, day, _ := strings.Cut(filter, ":")
	at, err := time.Parse(time.DateOnly, day)
	switch {
	case err != nil || at.Year() == 0:
		p.refuse(name, "must be a day.")
		return feature.Period{}
	case operator == "IS_BEFORE":
		return feature.Period{Before: &at}
	}
	return feature.Period{Since: &at}
}

func (p *filterProblems) number(name, text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		p.refuse(name, "must be a number that is not negative.")
	}
	return int(n)
}

func (p *filterProblems) sort(by string) (feature.Sort, string) {
	if by == "" {
		return feature.SortCreatedAt, ""
	}
	if environment, ok := strings.CutPrefix(by, string(feature.SortEnvironment)+":"); ok {
		return feature.SortEnvironment, environment
	}
	if !slices.Contains(feature.Sorts(), feature.Sort(by)) || by == string(feature.SortEnvironment) {
		p.refuse("sortBy", "is not one of the orders there are.")
	}
	return feature.Sort(by), ""
}

// yesOrNo reads IS:true and IS:false; both at once, as IS_ANY_OF may have them, filter nothing.
func yesOrNo(filter string) *bool {
	hasTrue, hasFalse := strings.Contains(filter, "true"), strings.Contains(filter, "false")
	if hasTrue == hasFalse {
		return nil
	}
	return &hasTrue
}
