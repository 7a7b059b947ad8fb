package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// show prints an answer: as it came, indented, or what people writes.
func (s *Session) show(body []byte, people func(out io.Writer) error) error {
	if !s.json {
		return people(s.Out)
	}
	return s.showJSON(body)
}

func (s *Session) showJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(body), "", "  "); err != nil {
		return fmt.Errorf("the server answered something that is not JSON: %w", err)
	}
	indented.WriteByte('\n')
	_, err := s.Out.Write(indented.Bytes())
	return err
}

// say prints a sentence for people; for programs it is the answer.
func (s *Session) say(body []byte, format string, values ...any) error {
	return s.show(body, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, format+"\n", values...)
		return err
	})
}

// line prints one value as one line of JSON.
func (s *Session) line(value any) error {
	encoder := json.NewEncoder(s.Out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// table collects rows of cells and aligns them. Its first row is the header.
type table struct {
	out  io.Writer
	rows [][]string
}

func newTable(out io.Writer, header ...string) *table {
	t := &table{out: out}
	t.row(header...)
	return t
}

func (t *table) row(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = clean(cell)
	}
	t.rows = append(t.rows, row)
}

// flush writes the table. Nothing is padded that nothing follows.
func (t *table) flush() error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if len(row) > 1 { // a title on its own makes no column wide
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+2))
		}
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// clean keeps a value on its line and in its column, and escape sequences away from the terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return ' '
		}
		return r
	}, text)
}

// shorten cuts a text that would not fit beside other columns.
func shorten(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return string(runes[:length-1]) + "…"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// or is the text, or what stands for none.
func or(text *string, none string) string {
	if text == nil || *text == "" {
		return none
	}
	return *text
}

// list is a list that may be left out.
func list[T any](values *[]T) []T {
	if values == nil {
		return nil
	}
	return *values
}

// given is a pointer to the value, or nil for the value that stands for none.
func given[T comparable](value T) *T {
	var none T
	if value == none {
		return nil
	}
	return &value
}

func givenList[T any](values []T) *[]T {
	if len(values) == 0 {
		return nil
	}
	return &values
}

// moment is a time as people read it, in their zone.
func moment(at time.Time) string { return at.Local().Format(time.DateTime) }

func momentOr(at *time.Time, none string) string {
	if at == nil {
		return none
	}
	return moment(*at)
}

// count is a number with its noun.
func count[N int | int32 | int64](n N, noun string) string {
	text := strconv.FormatInt(int64(n), 10) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}
