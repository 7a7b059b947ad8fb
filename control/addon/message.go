package addon

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/outbound"
	"github.com/pennonhq/pennon/queries"
)

// message is an event on its way to one integration.
type message struct {
	id         string // the same for each attempt, so that receivers can recognise repetitions
	sentAt     time.Time
	event      queries.Event
	tags       []queries.FeatureTagListRow // of the event's flag
	parameters map[string]string

	slackURL string // of chat.postMessage
}

// eventDocument is an event as receivers get it, in Unleash's shape and order.
type eventDocument struct {
	ID              int64           `json:"id"`
	Type            string          `json:"type"`
	CreatedBy       string          `json:"createdBy"`
	CreatedAt       string          `json:"createdAt"`
	CreatedByUserID *int32          `json:"createdByUserId"`
	Data            json.RawMessage `json:"data"`
	PreData         json.RawMessage `json:"preData"`
	Tags            json.RawMessage `json:"tags"`
	FeatureName     *string         `json:"featureName"`
	Project         *string         `json:"project"`
	Environment     *string         `json:"environment"`
	GroupType       *string         `json:"groupType,omitempty"`
	GroupID         *string         `json:"groupId,omitempty"`
}

// timeLayout is that of the Admin API.
const timeLayout = "2006-01-02T15:04:05.000Z"

// document is the event as JSON.
func (m message) document() ([]byte, error) {
	e := m.event
	text, err := json.Marshal(eventDocument{
		ID: e.ID, Type: e.Type, CreatedBy: e.CreatedBy, CreatedAt: e.CreatedAt.UTC().Format(timeLayout),
		CreatedByUserID: e.CreatedByUserID, Data: e.Data, PreData: e.PreData, Tags: e.Tags, FeatureName: e.Feature,
		Project: e.Project, Environment: e.Environment, GroupType: e.GroupType, GroupID: e.GroupID,
	})
	if err != nil {
		return nil, fmt.Errorf("marshal event: %w", err)
	}
	return text, nil
}

func (m message) label() string   { return event.Label(event.Type(m.event.Type)) }
func (m message) summary() string { return event.Summary(m.event) }

// tagged returns the values of the flag's tags of a type.
func (m message) tagged(kind string) []string {
	var values []string
	for _, tag := range m.tags {
		if tag.Type == kind {
			values = append(values, tag.Value)
		}
	}
	return values
}

// channels are where a chat message goes: to those that the flag's tags name, or else to the configured ones.
func (m message) channels(kind, configured string) []string {
	names := m.tagged(kind)
	if len(names) == 0 {
		names = strings.Split(configured, ",")
	}
	var channels []string
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			channels = append(channels, name)
		}
	}
	return channels
}

// facts are what one wants to see of an event beside its summary.
func (m message) facts() [][2]string {
	facts := [][2]string{{"By", m.event.CreatedBy}}
	for _, fact := range []struct {
		name  string
		value *string
	}{{"Flag", m.event.Feature}, {"Project", m.event.Project}, {"Environment", m.event.Environment}} {
		if fact.value != nil {
			facts = append(facts, [2]string{fact.name, *fact.value})
		}
	}
	return facts
}

// post makes the usual request: JSON, with the user's own headers on top.
func (m message) post(url string, body any, header map[string]string) (outbound.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return outbound.Request{}, fmt.Errorf("marshal message: %w", err)
	}
	return m.request(url, text, header)
}

func (m message) request(url string, body []byte, header map[string]string) (outbound.Request, error) {
	r := outbound.Request{Method: "POST", URL: url, Body: body, Header: map[string]string{"Content-Type": jsonType}}
	custom, err := parseHeaders(m.parameters["customHeaders"])
	if err != nil {
		return r, err
	}
	for _, headers := range []map[string]string{header, custom} {
		for name, value := range headers {
			r.Header[name] = value
		}
	}
	return r, nil
}

const jsonType = "application/json"

// parseHeaders reads a JSON object of strings. An empty text is no headers.
func parseHeaders(text string) (map[string]string, error) {
	headers := map[string]string{}
	if strings.TrimSpace(text) == "" {
		return headers, nil
	}
	if err := json.Unmarshal([]byte(text), &headers); err != nil {
		return nil, errHeaders
	}
	for name, value := range headers {
		if err := outbound.CheckHeader(name, value); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

func checkHeaders(text string) error {
	_, err := parseHeaders(text)
	return err
}
