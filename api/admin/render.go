package admin

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/control/idempotency"
)

// render makes of a handler's output what huma would answer: the fields with a header tag, and Body as JSON. The outputs
// of writes have nothing else. status is that of success.
func render(h huma.API, status int, out any) (*idempotency.Answer, error) {
	answer := &idempotency.Answer{Status: status, Header: map[string][]string{}}
	v := reflect.ValueOf(out)
	if !v.IsValid() || v.IsNil() {
		return answer, nil
	}
	v = v.Elem()
	for _, field := range reflect.VisibleFields(v.Type()) {
		value := v.FieldByIndex(field.Index)
		if name := field.Tag.Get("header"); name != "" && !value.IsZero() {
			answer.Header[name] = []string{fmt.Sprint(value.Interface())}
		}
	}
	body := v.FieldByName("Body")
	if !body.IsValid() {
		return answer, nil
	}
	var text bytes.Buffer
	if err := h.Marshal(&text, "application/json", body.Interface()); err != nil {
		return nil, fmt.Errorf("render answer: %w", err)
	}
	answer.Header["Content-Type"] = []string{"application/json"}
	answer.Body = text.Bytes()
	return answer, nil
}

// hasBody reports whether a handler's output, a pointer, has a body.
func hasBody(out any) bool {
	_, ok := reflect.TypeOf(out).Elem().FieldByName("Body")
	return ok
}
