package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxProblem bounds how much of a refusal is read, in bytes.
const maxProblem = 1 << 20

// Error is an answer that is not a success. Problem is what the server says about it; of a server that says nothing in
// that shape (a proxy in front, say) only Message is set.
type Error struct {
	Problem

	// Status is the HTTP status.
	Status int
	// Method and URL are the request's.
	Method, URL string
	// Header is the answer's, for Retry-After and the like.
	Header http.Header
}

// Error is the server's message, its details, and the status.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%d %s)", strings.Join(append([]string{e.Message}, e.Remarks()...), "; "), e.Status, http.StatusText(e.Status))
}

// Remarks are the details of the refusal, as far as they say more than its message.
func (e *Error) Remarks() []string {
	var remarks []string
	if e.Details == nil {
		return nil
	}
	for _, detail := range *e.Details {
		if detail.Message != e.Message {
			remarks = append(remarks, detail.Message)
		}
	}
	return remarks
}

// IsNotFound says whether err is the server's answer that a thing does not exist.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsConflict says whether err is the server's answer that a thing exists already or has changed meanwhile.
func IsConflict(err error) bool {
	return hasStatus(err, http.StatusConflict) || hasStatus(err, http.StatusPreconditionFailed)
}

func hasStatus(err error, status int) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == status
}

// refusing turns answers that are no success into errors.
type refusing struct{ next HttpRequestDoer }

// Do sends a request. 304 is a success: who asks with If-None-Match wants to hear it.
func (r refusing) Do(request *http.Request) (*http.Response, error) {
	response, err := r.next.Do(request)
	if err != nil || response.StatusCode < 300 || response.StatusCode == http.StatusNotModified {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	refused := &Error{Status: response.StatusCode, Method: request.Method, URL: request.URL.String(), Header: response.Header}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if err != nil {
		return nil, fmt.Errorf("read the refusal of %s %s (%s): %w", request.Method, request.URL.Path, response.Status, err)
	}
	if json.Unmarshal(body, &refused.Problem) != nil || refused.Message == "" {
		refused.Problem = Problem{Message: firstLine(string(body), response.StatusCode)}
	}
	return nil, refused
}

// firstLine is what is worth showing of a body that is not ours: not a page of HTML.
func firstLine(body string, status int) string {
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	if line == "" || len(line) > 200 || strings.HasPrefix(line, "<") || strings.HasPrefix(line, "{") {
		return fmt.Sprintf("the answer was %d", status)
	}
	return line
}
