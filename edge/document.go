package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/pennonhq/pennon/eval"
)

// document is what an upstream sends, by any of the modes: everything (features) or events. Flags and segments stay as they
// are until it is known that they are news.
type document struct {
	Features *[]json.RawMessage `json:"features"`
	Segments []json.RawMessage  `json:"segments"`
	Events   *[]event           `json:"events"`
}

// event is one element of a delta.
type event struct {
	Type        string             `json:"type"`
	ID          int64              `json:"eventId"`
	Features    *[]json.RawMessage `json:"features"`
	Segments    []json.RawMessage  `json:"segments"`
	Feature     json.RawMessage    `json:"feature"`
	FeatureName string             `json:"featureName"`
	Project     string             `json:"project"`
	Segment     json.RawMessage    `json:"segment"`
	SegmentID   int                `json:"segmentId"`
}

// The types of event that this version knows. Others are skipped, as SDKs do.
const (
	hydration      = "hydration"
	featureUpdated = "feature-updated"
	featureRemoved = "feature-removed"
	segmentUpdated = "segment-updated"
	segmentRemoved = "segment-removed"
)

var errIncomplete = errors.New("the answer is no flag document")

// parseDocument reads the answer of an upstream. It fails rather than give a document without flags: that would be taken
// for "there are none".
func parseDocument(body []byte) (d document, err error) {
	if err := json.Unmarshal(body, &d); err != nil {
		return document{}, fmt.Errorf("read flags: %w", err)
	}
	if d.Features == nil && d.Events == nil {
		return document{}, fmt.Errorf("%w: it has neither features nor events", errIncomplete)
	}
	if d.Events == nil {
		return d, nil
	}
	return d, complete(*d.Events)
}

// parseEvents reads the events of a link's frame.
func parseEvents(raw json.RawMessage) (events []event, err error) {
	if err := json.Unmarshal(raw, &events); err != nil {
		return nil, fmt.Errorf("%w: %w", errIncomplete, err)
	}
	return events, complete(events)
}

// complete fails if an event lacks what it is about.
func complete(events []event) error {
	for i := range events {
		e := &events[i]
		var complete bool
		switch e.Type {
		case hydration:
			complete = e.Features != nil
		case featureUpdated:
			complete = len(e.Feature) > 0
		case featureRemoved:
			complete = e.FeatureName != ""
		case segmentUpdated:
			complete = len(e.Segment) > 0
		default: // segment-removed, whose id may be 0, and those of later versions
			complete = true
		}
		if !complete {
			return fmt.Errorf("%w: event %d (%s) lacks its subject", errIncomplete, i, e.Type)
		}
	}
	return nil
}

// fingerprint tells whether an element is the one that was read before.
func fingerprint(raw json.RawMessage) uint64 { return xxhash.Sum64(raw) }

// nameOf is the name of a flag that may be broken otherwise; empty if even that is.
func nameOf(raw json.RawMessage) string {
	var named struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(raw, &named)
	return named.Name
}

// idOf is the id of a segment; 0 if it has none.
func idOf(raw json.RawMessage) int {
	var named struct {
		ID int `json:"id"`
	}
	_ = json.Unmarshal(raw, &named)
	return named.ID
}

// parseFeature reads one flag. Strategies must be there: a flag without any is on for everyone, which must not come of an
// answer that lost them.
func parseFeature(raw json.RawMessage) (eval.Feature, error) {
	var feature eval.Feature
	if err := json.Unmarshal(raw, &feature); err != nil {
		var lenient lenientFeature
		if json.Unmarshal(raw, &lenient) != nil {
			return eval.Feature{}, fmt.Errorf("read flag: %w", err)
		}
		feature = lenient.strict()
	}
	switch {
	case feature.Name == "":
		return eval.Feature{}, errors.New("read flag: it has no name")
	case feature.Strategies == nil:
		return eval.Feature{}, errors.New("read flag: it has no strategies")
	}
	return feature, nil
}

// lenientFeature reads flags whose strategies have parameters that are not text, as old servers and imports made them.
type lenientFeature struct {
	eval.Feature
	Strategies []struct {
		eval.Strategy
		Parameters map[string]any `json:"parameters"`
	} `json:"strategies"`
}

func (l *lenientFeature) strict() eval.Feature {
	feature := l.Feature
	if l.Strategies == nil {
		return feature
	}
	feature.Strategies = make([]eval.Strategy, 0, len(l.Strategies))
	for i := range l.Strategies {
		strategy := l.Strategies[i].Strategy
		strategy.Parameters = make(map[string]string, len(l.Strategies[i].Parameters))
		for name, value := range l.Strategies[i].Parameters {
			strategy.Parameters[name] = parameterText(value)
		}
		feature.Strategies = append(feature.Strategies, strategy)
	}
	return feature
}

// parameterText is what SDKs, which put parameters into text, make of one.
func parameterText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		texts := make([]string, 0, len(v))
		for _, item := range v {
			texts = append(texts, parameterText(item))
		}
		return strings.Join(texts, ",")
	default:
		return fmt.Sprint(v)
	}
}

// parseSegment reads one segment. Constraints must be there, as strategies in parseFeature.
func parseSegment(raw json.RawMessage) (eval.Segment, error) {
	var segment struct {
		eval.Segment
		ID *int `json:"id"`
	}
	if err := json.Unmarshal(raw, &segment); err != nil {
		return eval.Segment{}, fmt.Errorf("read segment: %w", err)
	}
	if segment.ID == nil || segment.Constraints == nil {
		return eval.Segment{}, errors.New("read segment: it has no id or no constraints")
	}
	segment.Segment.ID = *segment.ID
	return segment.Segment, nil
}
