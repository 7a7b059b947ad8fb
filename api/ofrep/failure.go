package ofrep

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/pennonhq/pennon/api"
)

// The protocol's error codes. TARGETING_KEY_MISSING is never given: no flag of Unleash's cannot be evaluated without.
const (
	codeParse          = "PARSE_ERROR"
	codeInvalidContext = "INVALID_CONTEXT"
	codeNotFound       = "FLAG_NOT_FOUND"
)

// failure is the body of every error but 401 and 403, which have none.
type failure struct {
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode,omitempty"`
	Details string `json:"errorDetails,omitempty"`
}

func writeFailure(w http.ResponseWriter, status int, f failure) {
	body, err := json.Marshal(f)
	if err != nil { // strings always marshal
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone; nothing is left to tell
}

// notLoaded answers that there are no flags yet, or no longer, in the token's environment.
func notLoaded(w http.ResponseWriter) {
	writeFailure(w, http.StatusServiceUnavailable, failure{Details: "The flags of this environment are not loaded yet. Try again."})
}

// writeProblem answers with what an error of api's is, in the protocol's shape.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	problem := api.ProblemOf(r.Context(), err)
	writeFailure(w, problem.GetStatus(), failure{Details: problem.Message})
}
