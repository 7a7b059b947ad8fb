package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// tokens knows one token a kind; asking for "down" fails as a lost database does.
type tokens struct{}

func (tokens) Token(_ context.Context, secret string) (*token.Token, error) {
	switch secret {
	case "default:development.client", "default:development.frontend", "*:*.admin":
		_, kind, _ := strings.Cut(secret, ".")
		return &token.Token{ID: "1", Name: kind, Kind: token.Kind(kind)}, nil
	case "down":
		return nil, fault.New(fault.Unavailable, "The database cannot be reached. Try again.")
	case "broken":
		return nil, errors.New("something else")
	}
	return nil, fault.New(fault.Unauthenticated, "unknown")
}

type thing struct {
	Name  string   `json:"name" minLength:"2"`
	Count int      `json:"count,omitempty" minimum:"0"`
	Kind  string   `json:"kind,omitempty" enum:"big,small"`
	Tags  []string `json:"tags,omitempty"`
}

func setup(t *testing.T, config api.Config) (*api.API, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	a := api.New(config, slog.New(slog.NewTextHandler(log, nil)))
	for prefix, kind := range map[string]token.Kind{"/api/client": token.Client, "/api/frontend": token.Frontend, "/api/admin": token.Admin} {
		a.Guard(prefix, api.RequireToken(tokens{}, kind))
	}
	a.Router.Get("/api/client/who", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(api.TokenFrom(r.Context()).Name))
	})
	a.Router.Get("/api-tokens/{token}", func(http.ResponseWriter, *http.Request) { panic("broken") })
	a.Router.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("secret of the house") })
	a.Router.Post("/limited", func(w http.ResponseWriter, r *http.Request) {
		var v any
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 10)).Decode(&v); err != nil {
			api.WriteProblem(w, r, err)
		}
	})
	a.Router.Post("/json", func(w http.ResponseWriter, r *http.Request) {
		if api.CheckContentType(w, r) {
			w.WriteHeader(http.StatusAccepted)
		}
	})
	huma.Register(a.Huma, huma.Operation{Method: http.MethodPost, Path: "/things", OperationID: "createThing"},
		func(_ context.Context, in *struct{ Body thing }) (*struct{ Body thing }, error) {
			return &struct{ Body thing }{in.Body}, nil
		})
	return a, log
}

func send(h http.Handler, method, path, secret, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if secret != "" {
		r.Header.Set("Authorization", secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// same compares JSON, after the id of a problem is checked to be there and taken out.
func same(t *testing.T, want string, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	var got map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
	if strings.Contains(want, `"id":"*"`) {
		require.Len(t, got["id"], 36)
		got["id"] = "*"
	}
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, want, string(text))
}

func TestTokenCheck(t *testing.T) {
	t.Parallel()
	const missing = `{"message":"This endpoint requires an API token. Please add an authorization header to your request with a valid token"}`
	const login = `{"id":"*","name":"UnauthorizedError","message":"You must log in to use Unleash.","details":[{"message":"You must log in to use Unleash."}]}`
	const loginHow = "You must log in to use Unleash. Your request had no authorization header, so we could not authorize you. Try logging in at /auth/simple/login"
	const down = `{"message":"The token cannot be checked at the moment. Try again."}`
	wrong := func(expected, got string) string {
		return `{"message":"invalid token: expected a different token type for this endpoint (expected ` + expected + ` token, got ` + got + ` token)"}`
	}
	a, _ := setup(t, api.Config{})
	for _, test := range []struct {
		name, path, secret string
		status             int
		body               string
	}{
		{"no token", "/api/client/who", "", 401, missing},
		{"an unknown token", "/api/client/who", "default:development.other", 401, missing},
		{"a text that is no token", "/api/client/who", "garbage", 401, missing},
		{"a frontend token on the client API", "/api/client/who", "default:development.frontend", 403, wrong("a backend", "a frontend")},
		{"an admin token on the client API", "/api/client/who", "*:*.admin", 403, wrong("a backend", "an admin")},
		{"an unknown personal token on the client API", "/api/client/who", "user:nobody", 403, wrong("a backend", "a personal access")},
		{"a client token on the frontend API", "/api/frontend", "default:development.client", 403, wrong("a frontend", "a backend")},
		{"a client token on the admin API", "/api/admin/projects", "default:development.client", 403, wrong("an admin", "a backend")},
		{"an unknown token on the admin API", "/api/admin/projects", "user:nobody", 401, login},
		{
			"no token on the admin API", "/api/admin/projects", "", 401, `{"id":"*","name":"AuthenticationRequired","message":"` + loginHow +
				`","details":[{"message":"` + loginHow + `"}],"path":"/auth/simple/login","type":"password","defaultHidden":false}`,
		},
		{"a lost database, which must not look like a bad token", "/api/client/who", "down", 503, down},
		{"an unexpected failure, which must not look like a bad token", "/api/admin/projects", "broken", 503, down},
		{"an unknown path without a token", "/api/client/nothing", "", 401, missing},
	} {
		t.Run("Answers"+strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := send(a, http.MethodGet, test.path, test.secret, "")
			require.Equal(t, test.status, w.Code)
			same(t, test.body, w)
			require.Equal(t, test.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
	t.Run("TakesTheTokenWithAndWithoutBearer", func(t *testing.T) {
		t.Parallel()
		for _, secret := range []string{"default:development.client", "Bearer default:development.client", "bearer   default:development.client"} {
			w := send(a, http.MethodGet, "/api/client/who", secret, "")
			require.Equal(t, 200, w.Code)
			require.Equal(t, "client", w.Body.String())
		}
	})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	a, log := setup(t, api.Config{})
	notFound := func(path string) string {
		message := "The path you were looking for (" + path + ") is not available."
		return `{"id":"*","name":"NotFoundError","message":"` + message + `","details":[{"message":"` + message + `"}]}`
	}
	t.Run("AnswersUnknownOnesInUnleashsShape", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodGet, "/api/client/nothing?x=1", "default:development.client", "")
		require.Equal(t, 404, w.Code)
		same(t, notFound("/api/client/nothing"), w)
	})
	t.Run("AnswersAWrongMethodLikeAnUnknownPath", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodDelete, "/things", "", "")
		require.Equal(t, 404, w.Code)
		same(t, notFound("/things"), w)
	})
	t.Run("FoldsRepeatedAndTrailingSlashes", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"//api/client/who", "/api//client///who", "/api/client/who/", "/api/client//who%2F..%2Fx/"} {
			w := send(a, http.MethodGet, path, "default:development.client", "")
			require.Equal(t, map[bool]int{true: 404, false: 200}[strings.Contains(path, "%2F")], w.Code, path)
		}
	})
	t.Run("AnswersHeadLikeGet", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 200, send(a, http.MethodHead, "/api/client/who", "default:development.client", "").Code)
	})
	t.Run("LiveUnderTheBasePathOnly", func(t *testing.T) {
		t.Parallel()
		a, _ := setup(t, api.Config{BasePath: "/flags/"})
		require.Equal(t, 200, send(a, http.MethodGet, "/flags/api/client/who", "default:development.client", "").Code)
		require.Equal(t, 200, send(a, http.MethodGet, "/flags/docs", "", "").Code)
		require.Equal(t, 404, send(a, http.MethodGet, "/api/client/who", "default:development.client", "").Code)
		require.Equal(t, 404, send(a, http.MethodGet, "/flagsapi/client/who", "default:development.client", "").Code)
		same(t, notFound("/flags/nothing"), send(a, http.MethodGet, "/flags/nothing", "", ""))
	})
	t.Run("SurvivePanicsWithoutTellingWhy", func(t *testing.T) {
		w := send(a, http.MethodGet, "/panic", "", "", "X-Request-Id", "req-1")
		require.Equal(t, 500, w.Code)
		require.NotContains(t, w.Body.String(), "secret")
		require.Contains(t, w.Body.String(), "req-1")
		require.Equal(t, "req-1", w.Header().Get("X-Request-Id"))
		require.Contains(t, log.String(), "secret of the house")
		require.Contains(t, log.String(), "path=/panic")
		require.Equal(t, 500, send(a, http.MethodGet, "/api-tokens/default:development.canary", "", "").Code)
		require.Contains(t, log.String(), "path=/api-tokens/...")
		require.NotContains(t, log.String(), "canary")
	})
}

func TestBodies(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, api.Config{BodyLimit: 100})
	details := func(list string) string {
		return `{"id":"*","name":"BadDataError","message":"Request validation failed: your request body or params contain invalid data. ` +
			"Refer to the `details` list for more information." + `","details":[` + list + `]}`
	}
	for _, test := range []struct {
		name, body, want string
	}{
		{"BrokenJSON", `{bad`, `{"message":"The request body is not valid JSON at position 2"}`},
		{"CutJSON", `{"name":"abc"`, `{"message":"The request body is not valid JSON at position 13"}`},
		{"MissingProperties", `{}`, details(`{"path":"/body/name","message":"The ` + "`/body/name`" + ` property is required. It was not present on the data you sent."}`)},
		{"WrongTypes", `{"name":1}`, details(`{"path":"/body/name","message":"The ` + "`/body/name`" + ` property must be string."}`)},
		{"WrongTypesInLists", `{"name":"abc","tags":[1]}`, details(`{"path":"/body/tags/0","message":"The ` + "`/body/tags/0`" + ` property must be string."}`)},
		{"ShortValues", `{"name":"a"}`, details(`{"path":"/body/name","message":"The ` + "`/body/name`" + ` property must NOT have fewer than 2 characters."}`)},
		{"SmallNumbers", `{"name":"abc","count":-1}`, details(`{"path":"/body/count","message":"The ` + "`/body/count`" + ` property must be >= 0."}`)},
		{"ValuesThatAreNotAllowed", `{"name":"abc","kind":"odd"}`, details(`{"path":"/body/kind","message":"The ` + "`/body/kind`" + ` property must be equal to one of the allowed values: \"big\", \"small\"."}`)},
		{"AnotherShape", `[]`, details(`{"path":"/body","message":"The ` + "`/body`" + ` property must be object."}`)},
		{"NumbersOutOfReach", `{"name":"abc","count":1e30}`, details(`{"path":"/body","message":"count: expected int"}`)},
	} {
		t.Run("Refuse"+test.name, func(t *testing.T) {
			t.Parallel()
			w := send(a, http.MethodPost, "/things", "", test.body, "Content-Type", "application/json")
			require.Equal(t, 400, w.Code, w.Body)
			require.NotContains(t, w.Body.String(), "odd", "values are not repeated")
			var got map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			if got["id"] != nil {
				got["id"] = "*"
			}
			text, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, test.want, string(text))
		})
	}
	t.Run("MayHoldUnknownProperties", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodPost, "/things", "", `{"name":"abc","later":{"x":1}}`, "Content-Type", "application/json")
		require.Equal(t, 200, w.Code, w.Body)
		require.JSONEq(t, `{"name":"abc"}`, w.Body.String())
	})
	t.Run("AreLimited", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodPost, "/limited", "", `"`+strings.Repeat("x", 20)+`"`)
		require.Equal(t, 413, w.Code)
		same(t, `{"name":"BadDataError","message":"The request body is too large.","details":[{"message":"The request body is too large."}]}`, w)
	})
	t.Run("MustBeJSON", func(t *testing.T) {
		t.Parallel()
		const rest = "Try using one of the content-types we do accept instead (application/json) and make sure the body is in the corresponding format."
		for sent, shown := range map[string]string{"text/plain": "text/plain", "": "you didn't provide one"} {
			w := send(a, http.MethodPost, "/json", "", `{}`, "Content-Type", sent)
			require.Equal(t, 415, w.Code)
			message := "We do not accept the content-type you provided (" + shown + "). " + rest
			same(t, `{"id":"*","name":"ContentTypeError","message":"`+message+`","details":[{"message":"`+message+`"}]}`, w)
		}
		for _, sent := range []string{"application/json", "application/json; charset=utf-8", "application/json-patch+json"} {
			require.Equal(t, 202, send(a, http.MethodPost, "/json", "", `{}`, "Content-Type", sent).Code, sent)
		}
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, test := range []struct {
		err    error
		status int
		want   string
	}{
		{
			fault.New(fault.Invalid, "Environment=nope does not exist"), 400,
			`{"name":"BadDataError","message":"Request validation failed: your request body or params contain invalid data: Environment=nope does not exist","details":[{"message":"Environment=nope does not exist"}]}`,
		},
		{
			fault.MissingPermission("CREATE_FEATURE"), 403,
			`{"id":"*","name":"PermissionError","message":"You don't have the required permissions to perform this operation. To perform this action, you need the \"CREATE_FEATURE\" permission.","details":[{"message":"You don't have the required permissions to perform this operation. To perform this action, you need the \"CREATE_FEATURE\" permission."}],"permissions":["CREATE_FEATURE"]}`,
		},
		{
			fault.MissingPermission("A", "B"), 403,
			`{"id":"*","name":"PermissionError","message":"You don't have the required permissions to perform this operation. To perform this action, you need one of the following permissions: \"A\", \"B\".","details":[{"message":"You don't have the required permissions to perform this operation. To perform this action, you need one of the following permissions: \"A\", \"B\"."}],"permissions":["A","B"]}`,
		},
		{fault.New(fault.Refused, "no"), 403, `{"name":"InvalidOperationError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.NotFound, "no"), 404, `{"name":"NotFoundError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.NameTaken, "no"), 409, `{"name":"NameExistsError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.Conflict, "no"), 409, `{"name":"ConflictError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.Stale, "no"), 412, `{"name":"PreconditionFailedError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.LimitExceeded, "no"), 400, `{"name":"ExceedsLimitError","message":"no","details":[{"message":"no"}]}`},
		{fault.New(fault.Unavailable, "no"), 503, `{"name":"ServiceUnavailableError","message":"no","details":[{"message":"no"}]}`},
	} {
		w := httptest.NewRecorder()
		api.WriteProblem(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), test.err)
		require.Equal(t, test.status, w.Code)
		same(t, test.want, w)
	}
}

func TestDescribedLater(t *testing.T) {
	t.Parallel()
	type part struct {
		Names []string `json:"names" maxItems:"1"`
	}
	type input struct {
		Project string `path:"project" maxLength:"5"`
		Body    struct {
			Parts []part `json:"parts"`
		}
	}
	type output struct {
		Body struct {
			Answer string `json:"answer"`
		}
	}
	register := func(a *api.API) *api.API {
		huma.Register(a.Huma, huma.Operation{OperationID: "change", Method: http.MethodPut, Path: "/api/{project}"}, func(_ context.Context, in *input) (*output, error) {
			out := &output{}
			out.Body.Answer = in.Project
			return out, nil
		})
		return a
	}
	made := 0
	kept := register(api.New(api.Config{}, slog.New(slog.DiscardHandler)))
	a := register(api.New(api.Config{Describe: func() *api.API {
		made++
		return register(api.New(api.Config{}, slog.New(slog.DiscardHandler)))
	}}, slog.New(slog.DiscardHandler)))
	a.Forget()

	require.Empty(t, a.Huma.OpenAPI().Paths)
	require.JSONEq(t, `{"answer":"web"}`, send(a, http.MethodPut, "/api/web", "", `{"parts":[{"names":["a"]}]}`).Body.String())
	require.Equal(t, 400, send(a, http.MethodPut, "/api/web", "", `{"parts":[{"names":["a","b"]}]}`).Code, "bodies are still checked, with what they refer to")
	require.Equal(t, 400, send(a, http.MethodPut, "/api/too-long", "", `{"parts":[]}`).Code)
	require.Zero(t, made)
	for _, suffix := range []string{".json", "-3.0.json", ".yaml", "-3.0.yaml"} {
		want, got := send(kept, http.MethodGet, "/docs/openapi"+suffix, "", ""), send(a, http.MethodGet, "/docs/openapi"+suffix, "", "")
		require.Equal(t, want.Body.String(), got.Body.String(), suffix)
		require.Equal(t, want.Header().Get("Content-Type"), got.Header().Get("Content-Type"), suffix)
	}
	send(a, http.MethodGet, "/docs/openapi.json", "", "")
	require.Equal(t, 4, made, "each form is made once")
}

func TestDocumentation(t *testing.T) {
	t.Parallel()
	a, _ := setup(t, api.Config{})
	t.Run("LoadsNothingFromElsewhere", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
			w := send(a, http.MethodGet, path, "", "")
			require.Equal(t, 200, w.Code, path)
			require.NotContains(t, w.Body.String(), "http://")
			require.NotContains(t, w.Body.String(), "https://")
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		}
	})
	t.Run("ComesWithTheDocument", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodGet, "/docs/openapi.json", "", "")
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Body.String(), `"createThing"`)
	})
	t.Run("HasOneAddress", func(t *testing.T) {
		t.Parallel()
		w := send(a, http.MethodGet, "//docs/", "", "")
		require.Equal(t, 301, w.Code)
		require.Equal(t, "/docs", w.Header().Get("Location"))
	})
}
