package admin

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// EventSchema is an entry of the audit trail. Label and Summary tell it in words, in Markdown.
type EventSchema struct {
	ID              int64           `json:"id" minimum:"1"`
	Type            string          `json:"type"`
	CreatedBy       string          `json:"createdBy"`
	CreatedByUserID *int32          `json:"createdByUserId" required:"false" nullable:"true"`
	CreatedAt       api.Time        `json:"createdAt"`
	Data            documentInEvent `json:"data" required:"false"`
	PreData         documentInEvent `json:"preData" required:"false"`
	Project         *string         `json:"project" required:"false" nullable:"true"`
	Environment     *string         `json:"environment" required:"false" nullable:"true"`
	FeatureName     *string         `json:"featureName" required:"false" nullable:"true"`
	Tags            []TagSchema     `json:"tags" required:"false" nullable:"true"`
	IP              *string         `json:"ip,omitempty" nullable:"true"`
	GroupType       *string         `json:"groupType,omitempty"`
	GroupID         *string         `json:"groupId,omitempty"`
	Label           string          `json:"label" required:"false"`
	Summary         string          `json:"summary" required:"false"`
}

// documentInEvent is what a thing was or became, as it was written: an object, or null.
type documentInEvent json.RawMessage

// MarshalJSON passes the document on.
func (d documentInEvent) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("null"), nil
	}
	return d, nil
}

// Schema is any object, or null.
func (documentInEvent) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Nullable: true, AdditionalProperties: true}
}

func eventSchema(row queries.Event) (EventSchema, error) {
	tags := []TagSchema{}
	if len(row.Tags) > 0 {
		if err := json.Unmarshal(row.Tags, &tags); err != nil {
			return EventSchema{}, fmt.Errorf("read tags of event %d: %w", row.ID, err)
		}
	}
	return EventSchema{
		ID: row.ID, Type: row.Type, CreatedBy: row.CreatedBy, CreatedByUserID: row.CreatedByUserID, CreatedAt: api.At(row.CreatedAt),
		Data: documentInEvent(row.Data), PreData: documentInEvent(row.PreData), Project: row.Project, Environment: row.Environment,
		FeatureName: row.Feature, Tags: tags, IP: row.Ip, GroupType: row.GroupType, GroupID: row.GroupID,
		Label: event.Label(event.Type(row.Type)), Summary: event.Summary(row),
	}, nil
}
