package api

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/fault"
)

// huma makes its errors through a package variable, so it is set once, here, for the whole program.
func init() {
	huma.NewError = humaProblem
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return humaProblem(status, message, errs...)
	}
}

// humaProblem is the answer to what huma finds wrong with a request. The values sent are never repeated in it.
func humaProblem(status int, message string, errs ...error) huma.StatusError {
	switch {
	case status == http.StatusRequestEntityTooLarge:
		return newProblem(status, "BadDataError", "The request body is too large.").withID()
	case status == http.StatusRequestTimeout:
		return newProblem(status, "RequestTimeoutError", "The request body took too long to arrive.").withID()
	case status >= http.StatusInternalServerError || status == http.StatusNotAcceptable:
		return newProblem(http.StatusInternalServerError, unknownError, "Something went wrong on the server.")
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		return validationProblem(message, errs)
	}
	return newProblem(status, "BadDataError", message).withID()
}

func validationProblem(message string, errs []error) *Problem {
	details := make([]ProblemDetail, 0, len(errs))
	for _, err := range errs {
		detailer, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		detail := detailer.ErrorDetail()
		if strings.HasPrefix(detail.Message, malformedJSON) {
			return &Problem{Message: detail.Message, status: http.StatusBadRequest}
		}
		details = append(details, unleashDetail(detail.Location, detail.Message))
	}
	if len(details) == 0 {
		details = append(details, ProblemDetail{Message: message})
	}
	return newProblem(http.StatusBadRequest, "BadDataError", validationFailed, details...).withID()
}

// WriteInvalid answers a request that is read without huma with what is wrong in its body or parameters, in the shape that
// huma's validation has too.
func WriteInvalid(w http.ResponseWriter, r *http.Request, details ...fault.Detail) {
	list := make([]ProblemDetail, 0, len(details))
	for _, d := range details {
		list = append(list, ProblemDetail{Message: d.Message, Path: d.Path})
	}
	writeJSON(w, r, newProblem(http.StatusBadRequest, "BadDataError", validationFailed, list...).withID())
}

// validationTexts says huma's messages in Unleash's words. $1 is the rule's parameter.
var validationTexts = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`^expected (boolean|number|integer|string|array|object)$`), "must be $1."},
	{regexp.MustCompile(`^expected string to be RFC 3339 (date-time|date|time)$`), `must match format "$1".`},
	{regexp.MustCompile(`^expected number (>=|<=|>|<) (.+)$`), "must be $1 $2."},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "must NOT have fewer than $1 characters."},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "must NOT have more than $1 characters."},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "must NOT have fewer than $1 items."},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "must NOT have more than $1 items."},
	{regexp.MustCompile(`^expected string to match pattern (.+)$`), `must match pattern "$1".`},
	{regexp.MustCompile(`^expected string to be (.+)$`), "must be $1."},
	{regexp.MustCompile(`^invalid (integer|boolean)$`), "must be $1."},
}

var (
	requiredProperty = regexp.MustCompile(`^expected required property (.+) to be present$`)
	allowedValues    = regexp.MustCompile(`^expected value to be one of "(.*)"$`)
)

func unleashDetail(location, message string) ProblemDetail {
	path := pointer(location)
	if m := requiredProperty.FindStringSubmatch(message); m != nil {
		path += "/" + m[1]
		return ProblemDetail{
			Path:    path,
			Message: "The `" + path + "` property is required. It was not present on the data you sent.",
		}
	}
	if m := allowedValues.FindStringSubmatch(message); m != nil {
		values := strings.ReplaceAll(m[1], ", ", `", "`)
		return ProblemDetail{
			Path:    path,
			Message: "The `" + path + "` property must be equal to one of the allowed values: \"" + values + "\".",
		}
	}
	for _, known := range validationTexts {
		if known.pattern.MatchString(message) {
			return ProblemDetail{
				Path:    path,
				Message: "The `" + path + "` property " + known.pattern.ReplaceAllString(message, known.text),
			}
		}
	}
	return ProblemDetail{Path: path, Message: message}
}

// pointer turns huma's body.features[0].name into Unleash's /body/features/0/name.
func pointer(location string) string {
	if location == "" {
		return ""
	}
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(location)
}
