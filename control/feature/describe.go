package feature

import (
	"time"

	"github.com/pennonhq/pennon/queries"
)

// Description is a flag as audit events show it.
type Description struct {
	Name           string    `json:"name"`
	Description    *string   `json:"description"`
	Type           string    `json:"type"`
	Project        string    `json:"project"`
	Stale          bool      `json:"stale"`
	CreatedAt      time.Time `json:"createdAt"`
	ImpressionData bool      `json:"impressionData"`
	Archived       bool      `json:"archived"`
	Tags           []Tag     `json:"tags,omitempty"`
}

// Describe shows a row as audit events do.
func Describe(row queries.Feature) Description {
	return Description{
		Name: row.Name, Description: row.Description, Type: row.Type, Project: row.Project, Stale: row.Stale,
		CreatedAt: row.CreatedAt, ImpressionData: row.ImpressionData, Archived: row.ArchivedAt != nil,
	}
}
