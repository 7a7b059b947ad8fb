package client

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// maxValidated bounds the tokens of one question: each unknown one costs a look-up.
const maxValidated = 1000

// edgeTokenSchema is what an edge learns of a token it holds.
type edgeTokenSchema struct {
	Token       string   `json:"token"`
	Type        string   `json:"type" enum:"client,frontend,admin"`
	Projects    []string `json:"projects" nullable:"false"`
	Environment string   `json:"environment"`
}

// validate answers POST /edge/validate: which of these tokens are valid, and what they may see. It needs no credential:
// whoever holds a token may know what it is. Unknown ones are left out. When that cannot be found out the answer is 503,
// never a list that is short. Edges of Pennon's say which tokens are used; for others, to be asked about counts as use.
func validate(used, asked api.Tokens) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tokens := used
		if strings.HasPrefix(r.Header.Get("Unleash-Sdk"), "pennon:") {
			tokens = asked
		}
		b, ok := readBody(w, r)
		if !ok {
			return
		}
		secrets := b.texts(b.root, "/body", "tokens", true)
		if len(secrets) > maxValidated {
			b.problem("/body/tokens", "must NOT have more than %d items.", maxValidated)
		}
		if b.refused(w, r) {
			return
		}
		valid := make([]edgeTokenSchema, 0, len(secrets))
		for _, secret := range secrets {
			known, err := tokens.Token(r.Context(), secret)
			if fault.Is(err, fault.Unauthenticated) {
				continue
			}
			if err != nil {
				api.WriteProblem(w, r, err)
				return
			}
			valid = append(valid, describe(secret, known))
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(validatedEdgeTokensSchema{Tokens: valid})
	}
}

func describe(secret string, known *token.Token) edgeTokenSchema {
	described := edgeTokenSchema{
		Token:       secret,
		Type:        string(known.Kind),
		Projects:    append([]string{}, known.Scope.Projects()...),
		Environment: known.Scope.Environment,
	}
	if known.Kind == token.Admin {
		described.Projects, described.Environment = []string{token.All}, token.All
	}
	return described
}
