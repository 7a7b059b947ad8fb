package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Document is what an upstream sends at /api/client/features, as far as it shows in answers and is more than what the
// flags mean: their order, and properties they lack. It is immutable.
type Document struct {
	features  json.RawMessage // without insignificant space
	segments  json.RawMessage
	positions map[string]int
	unstated  map[string]struct{} // flags without impressionData
}

// ParseDocument reads the body of the upstream's answer.
func ParseDocument(body []byte) (*Document, error) {
	var sent struct {
		Features json.RawMessage `json:"features"`
		Segments json.RawMessage `json:"segments"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return nil, fmt.Errorf("read client features: %w", err)
	}
	if sent.Features == nil {
		return nil, errors.New("read client features: there are none")
	}
	var features []struct {
		Name           string `json:"name"`
		ImpressionData *bool  `json:"impressionData"`
	}
	if err := json.Unmarshal(sent.Features, &features); err != nil {
		return nil, fmt.Errorf("read client features: %w", err)
	}
	d := &Document{positions: make(map[string]int, len(features)), unstated: map[string]struct{}{}}
	for i, feature := range features {
		d.positions[feature.Name] = i
		if feature.ImpressionData == nil {
			d.unstated[feature.Name] = struct{}{}
		}
	}
	d.features = compact(sent.Features)
	if sent.Segments != nil {
		d.segments = compact(sent.Segments)
	}
	return d, nil
}

func compact(text json.RawMessage) json.RawMessage {
	var out bytes.Buffer
	_ = json.Compact(&out, text) // it has been parsed already
	return out.Bytes()
}

// body is what /proxy/client/features answers. The legacy proxy leaves segments out, without which SDKs that know them
// can't evaluate; those get them.
func (d *Document) body(withSegments bool) []byte {
	b := append([]byte(`{"version":2,"features":`), d.features...)
	if withSegments && d.segments != nil {
		b = append(append(b, `,"segments":`...), d.segments...)
	}
	return append(b, '}')
}

// position is where a flag stands; those that are not in the document come last.
func (d *Document) position(name string) int {
	if at, known := d.positions[name]; known {
		return at
	}
	return len(d.positions)
}

// states reports whether the flag's impressionData is known. Without a document, it always is.
func (d *Document) states(name string) bool {
	if d == nil {
		return true
	}
	_, unstated := d.unstated[name]
	return !unstated
}
