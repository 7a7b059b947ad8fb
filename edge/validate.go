package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pennonhq/pennon/token"
)

// validateTimeout bounds one question about tokens: somebody waits for the answer.
const validateTimeout = 5 * time.Second

// errNoValidation says that the upstream cannot be asked about tokens at all.
var errNoValidation = errors.New("the upstream has no /edge/validate")

// edgeTokensSchema is the answer to POST /edge/validate.
type edgeTokensSchema struct {
	Tokens *[]edgeTokenSchema `json:"tokens"`
}

type edgeTokenSchema struct {
	Token       string   `json:"token"`
	Type        string   `json:"type"`
	Environment string   `json:"environment"`
	Projects    []string `json:"projects"`
	Project     string   `json:"project"` // older servers
}

// validate asks the upstream which of the secrets are valid, and what they are. Those it does not name are not.
func (u *Upstream) validate(ctx context.Context, secrets []string) (map[string]*token.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, min(validateTimeout, u.config.RequestTimeout))
	defer cancel()
	body := encoded(struct {
		Tokens []string `json:"tokens"`
	}{secrets})
	address := strings.TrimSuffix(u.config.URL, "/api") + "/edge/validate"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	u.identify(request, UpstreamToken{})
	request.Header.Del(u.config.AuthHeader) // whoever holds a token may ask what it is
	request.Header.Set("Content-Type", "application/json")
	answer, err := u.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the upstream about tokens: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return nil, errNoValidation
	default:
		_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
		return nil, newStatusError(answer)
	}
	var named edgeTokensSchema
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(&named); err != nil {
		return nil, fmt.Errorf("read what the upstream says of tokens: %w", err)
	}
	if named.Tokens == nil {
		return nil, errors.New("the upstream's answer about tokens names none")
	}
	valid := make(map[string]*token.Token, len(*named.Tokens))
	for _, t := range *named.Tokens {
		if known := t.token(); known != nil {
			valid[t.Token] = known
		}
	}
	return valid, nil
}

// token is what the schema describes, or nil if this version does not know that type.
func (t edgeTokenSchema) token() *token.Token {
	var kind token.Kind
	switch strings.ToLower(t.Type) {
	case "client", "backend":
		kind = token.Client
	case "frontend":
		kind = token.Frontend
	case "admin":
		kind = token.Admin
	default:
		return nil
	}
	projects := t.Projects
	if len(projects) == 0 && t.Project != "" {
		projects = []string{t.Project}
	}
	return &token.Token{ID: tokenID(t.Token), Name: token.Redact(t.Token), Kind: kind, Scope: token.NewScope(t.Environment, projects...)}
}
