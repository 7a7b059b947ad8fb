package admin

import (
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
)

// EventFilter is what events are searched by. IS takes one value, IS_ANY_OF several with commas between.
type EventFilter struct {
	Query       string `query:"query" maxLength:"500" doc:"A part of the event's type, names or data, in any case"`
	ID          string `query:"id" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([0-9]+))*$" example:"IS:42"`
	GroupID     string `query:"groupId" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS:01M80MTAR0009ZVEJZNBKC28DV"`
	Feature     string `query:"feature" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS_ANY_OF:checkout,search"`
	Project     string `query:"project" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS:default"`
	Type        string `query:"type" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS:feature-created"`
	CreatedBy   string `query:"createdBy" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS:-42" doc:"Ids as getEventCreators lists them"`
	Environment string `query:"environment" maxLength:"10000" pattern:"^(IS|IS_ANY_OF):(.*?)(,([a-zA-Z0-9_]+))*$" example:"IS:production"`
	From        string `query:"from" pattern:"^(IS):\\d{4}-\\d{2}-\\d{2}$" example:"IS:2026-11-01" doc:"The first day (UTC)"`
	To          string `query:"to" pattern:"^(IS):\\d{4}-\\d{2}-\\d{2}$" example:"IS:2026-11-30" doc:"The last day (UTC)"`
}

// filter reads the filters. Those that cannot be read are told all at once.
func (in EventFilter) filter() (event.Filter, error) {
	f := event.Filter{
		Types: filterValues(in.Type), Projects: filterValues(in.Project), Environments: filterValues(in.Environment),
		Features: filterValues(in.Feature), GroupIDs: filterValues(in.GroupID), Text: in.Query,
	}
	var problems []fault.Detail
	refuse := func(name, rule string) {
		problems = append(problems, fault.Detail{Path: "/query/" + name, Message: "The `/query/" + name + "` property " + rule})
	}
	for _, text := range filterValues(in.ID) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			refuse("id", "must hold ids of events, which are numbers.")
			break
		}
		f.IDs = append(f.IDs, id)
	}
	for _, text := range filterValues(in.CreatedBy) {
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			refuse("createdBy", "must hold ids of users, which are numbers.")
			break
		}
		f.CreatedBy = append(f.CreatedBy, int32(id))
	}
	var err error
	if in.From != "" {
		if f.From, err = day(in.From); err != nil {
			refuse("from", "must be a day.")
		}
	}
	if in.To != "" {
		last, err := day(in.To)
		if err != nil {
			refuse("to", "must be a day.")
		}
		f.To = last.AddDate(0, 0, 1)
	}
	if len(problems) > 0 {
		return f, fault.New(fault.Invalid, "The filter cannot be read.").With(problems...)
	}
	return f, nil
}

// filterValues are the values of a filter such as IS_ANY_OF:a,b; nil when there is no filter.
func filterValues(filter string) []string {
	if value, ok := strings.CutPrefix(filter, "IS:"); ok {
		return []string{value}
	}
	if list, ok := strings.CutPrefix(filter, "IS_ANY_OF:"); ok {
		return strings.Split(list, ",")
	}
	return nil
}
