package project

import (
	"encoding/json"
	"fmt"

	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
)

// LinkTemplates reads the links that new flags of a project get, as they are stored with it.
func LinkTemplates(stored json.RawMessage) ([]feature.LinkTemplate, error) {
	templates := []feature.LinkTemplate{}
	if err := json.Unmarshal(stored, &templates); err != nil {
		return nil, fmt.Errorf("read link templates: %w", err)
	}
	return templates, nil
}

func checkLinkTemplates(templates []feature.LinkTemplate) error {
	if len(templates) > feature.MaxLinks {
		return limit.Exceeded("link templates", feature.MaxLinks)
	}
	for i, template := range templates {
		if err := template.Check(); err != nil {
			return fault.Wrap(fault.Invalid, err, "The link template at %d is not valid: %s", i, fault.As(err).Message)
		}
	}
	return nil
}
