package client

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// HeaderReport names a report (usage.ReportID), so that it is counted once though it is sent twice. The answer to a report
// that is taken repeats it: who sends reports learns by that whether the receiver knows the header.
const HeaderReport = "Pennon-Report"

// Once takes a report that has a name, unless it was taken before. When it returns nil, the report counts; an error says
// that it does not, or that this is not known, and that it is to be sent again under the same name.
type Once func(ctx context.Context, id usage.ReportID, batch usage.Batch) error

// take records a report and answers it.
func (s *Reports) take(w http.ResponseWriter, r *http.Request, record func(Usage)) {
	named := r.Header[HeaderReport]
	if s.once == nil || len(named) == 0 {
		record(s.usage)
		s.answer(w)
		return
	}
	id, ok := usage.ParseReportID(named[0])
	if !ok {
		api.WriteProblem(w, r, fault.New(fault.Invalid, "%s is not <32 hexadecimal digits>.<number from 1>.", HeaderReport))
		return
	}
	merged := usage.NewBuffer()
	record(merged)
	if err := s.once(r.Context(), id, merged.Take()); err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	w.Header()[HeaderReport] = named[:1]
	s.answer(w)
}

// hashPrefix marks a seen token that is named by its hash. No token begins like that and goes on with 64 digits.
const hashPrefix = "sha256:"

// seenTokens are the hashes of the tokens that an edge says it has seen in use: named by their secrets, as Unleash Edge does,
// or by hashPrefix and the SHA-256 of the secret in hexadecimal digits.
func seenTokens(root map[string]any) [][32]byte {
	list, _ := root["seenTokens"].([]any)
	hashes := make([][32]byte, 0, min(len(list), maxValidated))
	for _, item := range list[:min(len(list), maxValidated)] {
		if text, ok := item.(string); ok {
			hashes = append(hashes, hashOf(text))
		}
	}
	return hashes
}

func hashOf(text string) (sum [32]byte) {
	if digits, ok := strings.CutPrefix(text, hashPrefix); ok && len(digits) == hex.EncodedLen(len(sum)) {
		if _, err := hex.Decode(sum[:], []byte(digits)); err == nil {
			return sum
		}
	}
	return token.Hash(text)
}

// SeenByHash is how a token is named in seenTokens by its hash.
func SeenByHash(sum [32]byte) string { return hashPrefix + hex.EncodeToString(sum[:]) }
