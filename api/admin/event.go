package admin

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// EventsSchema is the newest part of the audit trail.
type EventsSchema struct {
	Version     int           `json:"version" enum:"1"`
	Events      []EventSchema `json:"events" nullable:"false"`
	TotalEvents int64         `json:"totalEvents" required:"false" doc:"How many there are in all"`
}

// FeatureEventsSchema is the newest part of a flag's history.
type FeatureEventsSchema struct {
	Version     int           `json:"version" required:"false" enum:"1"`
	ToggleName  string        `json:"toggleName" required:"false"`
	Events      []EventSchema `json:"events" nullable:"false"`
	TotalEvents int64         `json:"totalEvents" required:"false" doc:"How many there are in all"`
}

// EventSearchResponseSchema is a page of the events that were searched for.
type EventSearchResponseSchema struct {
	Events []EventSchema `json:"events" nullable:"false"`
	Total  int64         `json:"total" doc:"How many events match"`
	Next   string        `json:"next,omitempty" doc:"With the parameter after: what it has to be in the next call"`
}

// EventCreatorsSchema lists everybody who changed something.
type EventCreatorsSchema []EventCreatorSchema

// EventCreatorSchema is somebody who changed something.
type EventCreatorSchema struct {
	ID   int32  `json:"id"`
	Name string `json:"name"`
}

// listedEvents is how many events the deprecated lists hold at most.
const listedEvents = 1000

type (
	eventsInput struct {
		Project string `query:"project" doc:"Only events of this project"`
	}
	eventsOutput struct {
		Deprecation string `header:"Deprecation" doc:"When the operation was deprecated (RFC 9745)"`
		Link        string `header:"Link" doc:"What to use instead"`
		Body        EventsSchema
	}
	featureEventsInput struct {
		FeatureName string `path:"featureName"`
	}
	featureEventsOutput struct {
		Deprecation string `header:"Deprecation" doc:"When the operation was deprecated (RFC 9745)"`
		Link        string `header:"Link" doc:"What to use instead"`
		Body        FeatureEventsSchema
	}
	searchEventsInput struct {
		EventFilter
		Offset int64  `query:"offset" minimum:"0" maximum:"1000000000" default:"0"`
		Limit  int32  `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		After  string `query:"after" maxLength:"20" doc:"Follows the events from a cursor on, oldest first, in the order in which they were committed: 0 for all there are, now for those to come, then what next was in the last answer. None is missed and none comes twice. Offset does not apply."`
	}
	searchEventsOutput  struct{ Body EventSearchResponseSchema }
	eventCreatorsOutput struct{ Body EventCreatorsSchema }
)

func (a *API) registerEvents() {
	const tag = "Events"
	read(a, access.Anyone, op(get, "/events", "getEvents", tag, deprecated), a.events)
	read(a, access.Anyone, op(get, "/events/{featureName}", "getEventsForToggle", tag, deprecated), a.featureEvents)
	read(a, access.Anyone, op(get, "/search/events", "searchEvents", tag), a.searchEvents)
	read(a, access.ReadLogs, op(get, "/search/events/export", "exportEvents", tag, exported), a.exportEvents)
	read(a, access.Anyone, op(get, "/event-creators", "getEventCreators", tag), a.eventCreators)
}

// Since when the lists of events are deprecated, and what replaces them.
const (
	eventsDeprecated = "@1795305600"
	eventsSuccessor  = `</api/admin/search/events>; rel="successor-version"`
)

func (a *API) events(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	filter := event.Filter{}
	if in.Project != "" {
		filter.Projects = []string{in.Project}
	}
	events, total, err := a.pageOfEvents(ctx, filter, listedEvents, 0)
	return &eventsOutput{
		Deprecation: eventsDeprecated, Link: eventsSuccessor, Body: EventsSchema{Version: 1, Events: events, TotalEvents: total},
	}, err
}

func (a *API) featureEvents(ctx context.Context, in *featureEventsInput) (*featureEventsOutput, error) {
	events, total, err := a.pageOfEvents(ctx, event.Filter{Features: []string{in.FeatureName}}, listedEvents, 0)
	return &featureEventsOutput{
		Deprecation: eventsDeprecated, Link: eventsSuccessor,
		Body: FeatureEventsSchema{Version: 1, ToggleName: in.FeatureName, Events: events, TotalEvents: total},
	}, err
}

func (a *API) searchEvents(ctx context.Context, in *searchEventsInput) (*searchEventsOutput, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.After != "" {
		return a.followEvents(ctx, filter, in.After, in.Limit)
	}
	events, total, err := a.pageOfEvents(ctx, filter, in.Limit, in.Offset)
	return &searchEventsOutput{Body: EventSearchResponseSchema{Events: events, Total: total}}, err
}

func (a *API) followEvents(ctx context.Context, filter event.Filter, after string, limit int32) (*searchEventsOutput, error) {
	cursor, err := event.ParseCursor(ctx, a.pool, after)
	if err != nil {
		return nil, err
	}
	rows, next, err := event.Follow(ctx, a.pool, filter, cursor, limit)
	if err != nil {
		return nil, err
	}
	total, err := event.Count(ctx, a.pool, filter)
	if err != nil {
		return nil, err
	}
	events, err := eventSchemas(ctx, rows)
	return &searchEventsOutput{Body: EventSearchResponseSchema{Events: events, Total: total, Next: next.String()}}, err
}

func (a *API) eventCreators(ctx context.Context, _ *struct{}) (*eventCreatorsOutput, error) {
	creators, err := event.Creators(ctx, a.pool)
	out := &eventCreatorsOutput{Body: EventCreatorsSchema{}}
	for _, creator := range creators {
		out.Body = append(out.Body, EventCreatorSchema{ID: creator.ID, Name: creator.Name})
	}
	return out, err
}

func (a *API) pageOfEvents(ctx context.Context, filter event.Filter, limit int32, offset int64) ([]EventSchema, int64, error) {
	rows, err := event.Search(ctx, a.pool, filter, limit, offset)
	if err != nil {
		return nil, 0, err
	}
	total := int64(len(rows))
	if offset > 0 || total == int64(limit) { // else all of them are here
		if total, err = event.Count(ctx, a.pool, filter); err != nil {
			return nil, 0, err
		}
	}
	events, err := eventSchemas(ctx, rows)
	return events, total, err
}

// eventSchemas shows addresses to those who may read logs only.
func eventSchemas(ctx context.Context, rows []queries.Event) ([]EventSchema, error) {
	mayReadLogs := access.ActorFrom(ctx).May(access.ReadLogs, "", "")
	events := make([]EventSchema, len(rows))
	for i, row := range rows {
		if !mayReadLogs {
			row.Ip = nil
		}
		var err error
		if events[i], err = eventSchema(row); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// day reads the day of a filter such as IS:2026-11-22, as the midnight (UTC) it begins with.
func day(filter string) (time.Time, error) {
	return time.Parse("IS:"+time.DateOnly, filter)
}
