package frontend

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
)

// Parameters that select flags. They are no fields of the context.
const (
	paramPrefix = "namePrefix"
	paramTag    = "tag"
)

// maxNames bounds the flags that may be asked for by name.
const maxNames = 10_000

// Ask is what a request asks: which flags, and for whom.
type Ask struct {
	Request evaluation.Request
	Context eval.Context
}

// Read reads a GET or POST request, or answers what is wrong with it and returns false. The fields of the context that
// were not sent are completed: remoteAddress with the caller's, sessionId by chance.
func Read(w http.ResponseWriter, r *http.Request, ask *Ask) bool {
	if known := api.TokenFrom(r.Context()); known != nil {
		ask.Request.Scope = known.Scope
	}
	err := readSelection(r.URL.RawQuery, &ask.Request)
	if err == nil && r.Method == http.MethodPost {
		if r.ContentLength != 0 {
			if !api.CheckContentType(w, r) {
				return false
			}
			err = readBody(w, r, ask)
		}
	} else if err == nil {
		ask.Context.SetQuery(r.URL.RawQuery, paramPrefix, paramTag)
	}
	if err != nil {
		api.WriteProblem(w, r, err)
		return false
	}
	if ask.Context.RemoteAddress == "" {
		ask.Context.RemoteAddress = api.ClientIP(r)
	}
	if ask.Context.SessionID == "" {
		ask.Context.SessionID = strconv.FormatUint(rand.Uint64(), 10)
	}
	return true
}

// readSelection reads namePrefix and tag.
func readSelection(query string, request *evaluation.Request) error {
	if !strings.Contains(query, paramPrefix) && !strings.Contains(query, paramTag) { // almost nobody sends them
		return nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		values = url.Values{} // what is not properly escaped selects nothing, as it is no field
	}
	request.NamePrefix = values.Get(paramPrefix)
	request.Tags, err = client.Tags(values)
	return err
}

// body is what is posted: the context inside, or flat beside what else there is. Unleash ignores toggles; here they narrow
// the answer, as the legacy proxy has it.
type body struct {
	Context json.RawMessage `json:"context"`
	Toggles json.RawMessage `json:"toggles"`
}

// readBody reads what is posted. Nothing is an empty context.
func readBody(w http.ResponseWriter, r *http.Request, ask *Ask) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.DefaultBodyLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "The request body is over the limit of %d bytes.", tooLarge.Limit)
	case err != nil:
		return fault.Wrap(fault.Invalid, err, "The request body could not be read.")
	case len(text) == 0:
		return nil
	}
	var sent body
	if err := json.Unmarshal(text, &sent); err != nil {
		return fault.New(fault.Invalid, "The request body is not a valid JSON object.")
	}
	if err := readNames(sent.Toggles, &ask.Request); err != nil {
		return err
	}
	if sent.Context != nil {
		text = sent.Context
		if string(text) == "null" {
			return nil
		}
	}
	if err := json.Unmarshal(text, &ask.Context); err != nil {
		return invalid("/body/context", "must be object, and so must its properties.")
	}
	return nil
}

// readNames reads the list of flags to answer for. An empty one, as some SDKs send, stands for all.
func readNames(text json.RawMessage, request *evaluation.Request) error {
	if text == nil || string(text) == "null" {
		return nil
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return invalid("/body/toggles", "must be array of strings.")
	}
	if len(names) > maxNames {
		return invalid("/body/toggles", "must NOT have more than "+strconv.Itoa(maxNames)+" items.")
	}
	if len(names) > 0 {
		request.Names = names
	}
	return nil
}

func invalid(path, message string) error {
	return fault.New(fault.Invalid, "invalid body").With(fault.Detail{Path: path, Message: "The `" + path + "` property " + message})
}
