package admin

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// exportBatch is how many events an export reads at once, so that its size is bounded by nothing else.
const exportBatch = 1000

type exportEventsInput struct {
	EventFilter
	Format string `query:"format" enum:"json,csv" default:"json"`
}

type exportEventsOutput struct {
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition"`
	Body               func(huma.Context)
}

// exported documents what an export answers.
func exported(o *huma.Operation) {
	text := &huma.Schema{Type: huma.TypeString}
	list := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Ref: "#/components/schemas/eventSchema"}}
	o.Responses = map[string]*huma.Response{"200": {
		Description: "Every event that matches, newest first",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: list}, "text/csv": {Schema: text}},
	}}
}

// exportEvents writes every event that matches, newest first, as they are read.
func (a *API) exportEvents(ctx context.Context, in *exportEventsInput) (*exportEventsOutput, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	first, err := event.Search(ctx, a.pool, filter, exportBatch, 0)
	if err != nil {
		return nil, err
	}
	out := &exportEventsOutput{ContentType: "application/json", ContentDisposition: `attachment; filename="events.` + in.Format + `"`}
	writer := jsonEvents
	if in.Format == "csv" {
		out.ContentType = "text/csv; charset=utf-8"
		writer = csvEvents
	}
	out.Body = func(hctx huma.Context) {
		// The status is out: a half answer must not look whole.
		if err := writer(hctx.BodyWriter(), a.eventsFrom(ctx, filter, first)); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	return out, nil
}

// eventsFrom returns a function that calls yield with every event, starting with the first batch.
func (a *API) eventsFrom(ctx context.Context, filter event.Filter, batch []queries.Event) func(yield func(EventSchema) error) error {
	return func(yield func(EventSchema) error) error {
		for len(batch) > 0 {
			for _, row := range batch {
				schema, err := eventSchema(row)
				if err != nil {
					return err
				}
				if err := yield(schema); err != nil {
					return err
				}
			}
			if len(batch) < exportBatch {
				return nil
			}
			var err error
			if batch, err = event.SearchBefore(ctx, a.pool, filter, batch[len(batch)-1].ID, exportBatch); err != nil {
				return err
			}
		}
		return nil
	}
}

func jsonEvents(w io.Writer, events func(func(EventSchema) error) error) error {
	out := bufio.NewWriter(w)
	separator := "["
	err := events(func(schema EventSchema) error {
		text, err := json.Marshal(schema)
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator + "\n")
		separator = ","
		_, err = out.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	if separator == "[" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("\n]\n")
	return out.Flush()
}

// csvColumns heads the file.
var csvColumns = []string{
	"id", "createdAt", "type", "label", "createdBy", "createdByUserId", "project", "environment", "featureName", "ip", "groupId",
	"summary", "data", "preData",
}

func csvEvents(w io.Writer, events func(func(EventSchema) error) error) error {
	out := csv.NewWriter(w)
	_ = out.Write(csvColumns) // told by Flush
	err := events(func(e EventSchema) error {
		at, err := e.CreatedAt.MarshalJSON()
		if err != nil {
			return err
		}
		creator := ""
		if e.CreatedByUserID != nil {
			creator = strconv.Itoa(int(*e.CreatedByUserID))
		}
		return out.Write([]string{
			strconv.FormatInt(e.ID, 10), strings.Trim(string(at), `"`), cell(&e.Type), cell(&e.Label), cell(&e.CreatedBy), creator,
			cell(e.Project), cell(e.Environment), cell(e.FeatureName), cell(e.IP), cell(e.GroupID), cell(&e.Summary),
			string(e.Data), string(e.PreData),
		})
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// cell is a text of people's for a spreadsheet. Those that it would take for a formula are kept from being one.
func cell(text *string) string {
	if text == nil {
		return ""
	}
	if *text != "" && strings.ContainsRune("=+-@\t\r", rune((*text)[0])) {
		return "'" + *text
	}
	return *text
}
