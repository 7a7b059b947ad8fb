package swarm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// MarkPrefix begins the mark that a benchmark's writer leaves in a flag, as the value of strategy parameter "groupId":
// the mark of change 17 is "change-17". The mark tells which change a delta carries whoever numbers the events.
const MarkPrefix = "change-"

// Update is one event of a delta, as far as the benchmark looks at it.
type Update struct {
	Type    string // for example feature-updated
	EventID int64
	Flag    string
	Change  int // the number in the flag's mark, 0 when it has none
}

// ParseUpdates reads the data of an unleash-connected or unleash-updated message.
func ParseUpdates(data []byte) ([]Update, error) {
	var batch struct {
		Events []struct {
			Type    string `json:"type"`
			EventID int64  `json:"eventId"`
			Feature struct {
				Name       string `json:"name"`
				Strategies []struct {
					Parameters map[string]string `json:"parameters"`
				} `json:"strategies"`
			} `json:"feature"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &batch); err != nil {
		return nil, fmt.Errorf("read delta: %w", err)
	}
	updates := make([]Update, 0, len(batch.Events))
	for _, event := range batch.Events {
		update := Update{Type: event.Type, EventID: event.EventID, Flag: event.Feature.Name}
		for _, strategy := range event.Feature.Strategies {
			change, err := markOf(event.Feature.Name, strategy.Parameters["groupId"])
			if err != nil {
				return nil, err
			}
			update.Change = max(update.Change, change)
		}
		updates = append(updates, update)
	}
	return updates, nil
}

// ParseToggles reads an event of /api/frontend/stream. The mark is the payload of the flag's variant; a flag that is no
// longer on has none. What a stream opens with is not looked at.
func ParseToggles(event, data []byte) ([]Update, error) {
	if string(event) != "update" {
		return nil, nil
	}
	var sent struct {
		Updated []struct {
			Name    string `json:"name"`
			Variant struct {
				Payload struct {
					Value string `json:"value"`
				} `json:"payload"`
			} `json:"variant"`
		} `json:"updated"`
	}
	if err := json.Unmarshal(data, &sent); err != nil {
		return nil, fmt.Errorf("read update: %w", err)
	}
	updates := make([]Update, 0, len(sent.Updated))
	for _, toggle := range sent.Updated {
		change, err := markOf(toggle.Name, toggle.Variant.Payload.Value)
		if err != nil {
			return nil, err
		}
		updates = append(updates, Update{Type: string(event), Flag: toggle.Name, Change: change})
	}
	return updates, nil
}

// markOf is the number in a mark, 0 of any other text.
func markOf(flag, text string) (int, error) {
	mark, ok := strings.CutPrefix(text, MarkPrefix)
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(mark)
	if err != nil {
		return 0, fmt.Errorf("read mark of flag %q: %w", flag, err)
	}
	return n, nil
}

// decoder parses each distinct delta once. Ten thousand subscribers get the same bytes; parsing them ten thousand times
// would make the generator, which shares the machine's cores, heavier than the server it watches.
type decoder struct {
	parse func(event, data []byte) ([]Update, error)
	known map[string][]Update
}

// maxKnown bounds the deltas remembered; the writer's next change makes the earlier ones useless anyway.
const maxKnown = 4096

func (d *decoder) decode(event, data []byte) ([]Update, error) {
	if updates, ok := d.known[string(data)]; ok {
		return updates, nil
	}
	updates, err := d.parse(event, data)
	if err != nil {
		return nil, err
	}
	if len(updates) == 0 { // the openings of browsers are all different, and large
		return nil, nil
	}
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = make(map[string][]Update)
	}
	d.known[string(data)] = updates
	return updates, nil
}
