package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
)

// Limits on what SDKs report.
const (
	maxReportBytes = 1 << 20 // Edge cuts its bulk reports at 95 KiB, SDKs send a few
	maxNameBytes   = 500     // of any text that is kept; longer ones are cut. Three of them must fit into an index row
	maxStrategies  = 100     // strategy types kept an instance
)

// body is a decoded JSON request body that is checked while it is read. SDKs are many and old, so reading is lenient as
// Unleash's is: unknown properties are ignored, null means absent, numbers may come as text. What is wrong is collected
// with its place, in the words Unleash uses.
type body struct {
	root     map[string]any
	problems []fault.Detail
}

// readBody decodes the request, or answers what is wrong with it as a whole and returns false.
func readBody(w http.ResponseWriter, r *http.Request) (*body, bool) {
	if !api.CheckContentType(w, r) {
		return nil, false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReportBytes))
	decoder.UseNumber()
	var root any
	err := decoder.Decode(&root)
	if err == nil {
		err = onlyValue(decoder)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		api.WriteProblem(w, r, fault.New(fault.TooLarge, "The request body is over the limit of %d bytes.", tooLarge.Limit))
		return nil, false
	case errors.Is(err, io.EOF):
		root = map[string]any{} // no body at all: every required property is missing
	case err != nil:
		api.WriteMessage(w, r, http.StatusBadRequest, "The request body is not valid JSON.")
		return nil, false
	}
	object, ok := root.(map[string]any)
	if !ok {
		api.WriteInvalid(w, r, fault.Detail{Path: "/body", Message: "The `/body` property must be object."})
		return nil, false
	}
	return &body{root: object}, true
}

// onlyValue reports as malformed what follows the body's value.
func onlyValue(decoder *json.Decoder) error {
	_, err := decoder.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return errTrailing
	}
	return err
}

var errTrailing = errors.New("more than one value")

// refused reports whether something was found wrong. If so, it has answered with all of it.
func (b *body) refused(w http.ResponseWriter, r *http.Request) bool {
	if len(b.problems) == 0 {
		return false
	}
	api.WriteInvalid(w, r, b.problems...)
	return true
}

func (b *body) problem(path, format string, args ...any) {
	const enough = 20
	if len(b.problems) < enough {
		b.problems = append(b.problems, fault.Detail{Path: path, Message: fmt.Sprintf("The `%s` property ", path) + fmt.Sprintf(format, args...)})
	}
}

func (b *body) missing(path string) {
	b.problem(path, "is required. It was not present on the data you sent.")
}

// text reads a string property; numbers and booleans are taken as their text. Absent gives "".
func (b *body) text(object map[string]any, path, name string, required bool) string {
	path += "/" + name
	switch value := object[name].(type) {
	case nil:
		if required {
			b.missing(path)
		}
		return ""
	case string:
		if required && value == "" {
			b.problem(path, "must NOT have fewer than 1 characters. You sent \"\".")
		}
		return Clean(value)
	case json.Number:
		return Clean(value.String())
	case bool:
		return strconv.FormatBool(value)
	default:
		b.problem(path, "must be string. You sent %s.", shown(value))
		return ""
	}
}

// count reads a non-negative integer. Absent gives 0.
func (b *body) count(value any, path string) int64 {
	if value == nil {
		return 0
	}
	number, ok := asNumber(value)
	switch {
	case !ok || number != math.Trunc(number):
		b.problem(path, "must be integer. You sent %s.", shown(value))
		return 0
	case number < 0:
		b.problem(path, "must be >= 0. You sent %s.", shown(value))
		return 0
	case number > math.MaxInt32:
		b.problem(path, "must be <= %d. You sent %s.", math.MaxInt32, shown(value))
		return 0
	}
	return int64(number)
}

// instant reads a date-time string or a number of milliseconds since 1970. Absent gives the zero time, and so does what
// no calendar of SDKs and databases holds alike.
func (b *body) instant(object map[string]any, path, name string, required bool) time.Time {
	path += "/" + name
	value, present := object[name]
	if value == nil {
		if required && !present {
			b.missing(path)
		}
		return time.Time{}
	}
	if text, isText := value.(string); isText {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at
		}
	}
	millis, ok := asNumber(value)
	if !ok || math.Abs(millis) > 8.64e15 { // the range of a JavaScript Date
		b.problem(path, "must match format \"date-time\". You sent %s.", shown(value))
		return time.Time{}
	}
	if at := time.UnixMilli(int64(millis)).UTC(); at.Year() >= 1 && at.Year() < 10000 {
		return at
	}
	return time.Time{}
}

// texts reads an array of strings, as they are. Absent gives nil.
func (b *body) texts(object map[string]any, path, name string, required bool) []string {
	list := b.list(object, path, name, required)
	if list == nil {
		return nil
	}
	texts := make([]string, 0, len(list))
	for i, item := range list {
		text, ok := item.(string)
		if !ok {
			b.problem(fmt.Sprintf("%s/%s/%d", path, name, i), "must be string. You sent %s.", shown(item))
			continue
		}
		texts = append(texts, text)
	}
	return texts
}

func (b *body) list(object map[string]any, path, name string, required bool) []any {
	path += "/" + name
	switch value := object[name].(type) {
	case nil:
		if required {
			b.missing(path)
		}
		return nil
	case []any:
		return value
	default:
		b.problem(path, "must be array. You sent %s.", shown(value))
		return nil
	}
}

// object reads a nested object. Absent gives nil.
func (b *body) object(object map[string]any, path, name string, required bool) map[string]any {
	return b.asObject(object[name], path+"/"+name, required)
}

func (b *body) asObject(value any, path string, required bool) map[string]any {
	switch value := value.(type) {
	case nil:
		if required {
			b.missing(path)
		}
		return nil
	case map[string]any:
		return value
	default:
		b.problem(path, "must be object. You sent %s.", shown(value))
		return nil
	}
}

func asNumber(value any) (float64, bool) {
	var text string
	switch value := value.(type) {
	case json.Number:
		text = value.String()
	case string:
		text = value
	default:
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil && !math.IsNaN(number) && !math.IsInf(number, 0)
}

// shown quotes what was sent, shortened: it is the caller's own data.
func shown(value any) string {
	const most = 60
	text, err := json.Marshal(value)
	if err != nil || len(text) > most {
		return "something else"
	}
	return string(text)
}

// strategies reads the strategy types an SDK can evaluate.
func (b *body) strategies(object map[string]any, path string, required bool) []string {
	if value, present := object["strategies"]; present && value == nil {
		return nil
	}
	names := b.texts(object, path, "strategies", required)
	names = names[:min(len(names), maxStrategies)]
	for i, name := range names {
		names[i] = Clean(name)
	}
	return names
}

// Clean makes text storable: PostgreSQL takes UTF-8 without NUL, and nobody reads names longer than maxNameBytes.
func Clean(text string) string {
	text = text[:min(len(text), maxNameBytes)] // the cut may split a character
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
}
