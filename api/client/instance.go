package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fleet"
)

// instanceData answers POST /api/client/metrics/edge: an edge tells of itself and of those behind it. What it sends beyond what
// is known is ignored, and so is what is of the wrong type, as edges of any version may send it; only an edge that has no
// name is refused.
func instanceData(registry *fleet.Registry) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, ok := readBody(w, r)
		if !ok {
			return
		}
		b.root["identifier"] = b.text(b.root, "/body", "identifier", true)
		b.root["appName"] = b.text(b.root, "/body", "appName", true)
		if b.refused(w, r) {
			return
		}
		told, err := decodeInstance(b.root)
		if err != nil {
			api.WriteProblem(w, r, err)
			return
		}
		if !registry.Told(told, api.TokenFrom(r.Context()).Name) {
			api.WriteError(w, r, http.StatusTooManyRequests, "TooManyEdgesError", "Too many edges tell of themselves here. This one is not remembered.")
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// decodeInstance makes an Instance of what an edge sent.
func decodeInstance(sent map[string]any) (told fleet.Instance, err error) {
	prepare(sent)
	encoded, err := json.Marshal(sent)
	if err != nil {
		return told, err
	}
	var mistyped *json.UnmarshalTypeError // the rest is decoded all the same
	if err = json.Unmarshal(encoded, &told); err != nil && !errors.As(err, &mistyped) {
		return told, err
	}
	return told, nil
}

// prepare takes out what should be a time and is none, here and in everything below: decoding would end at it. Edges name
// the list of revisions in two ways.
func prepare(sent map[string]any) {
	for _, name := range []string{"started", "lastUpdated"} {
		if value, present := sent[name]; present {
			text, _ := value.(string)
			if _, err := time.Parse(time.RFC3339, text); err != nil {
				delete(sent, name)
			}
		}
	}
	if _, ok := sent["connectedStreamingClients"].(json.Number); !ok { // none is something else than not known
		delete(sent, "connectedStreamingClients")
	}
	if revisions, ok := sent["apiKeyRevisionIds"]; ok && sent["edgeApiKeyRevisionIds"] == nil {
		sent["edgeApiKeyRevisionIds"] = revisions
	}
	for _, name := range []string{"connectedEdges", "edgeApiKeyRevisionIds"} {
		list, _ := sent[name].([]any)
		for _, element := range list {
			if below, ok := element.(map[string]any); ok {
				prepare(below)
			}
		}
	}
}
