package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/manifest"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/token"
)

// manifestFlags is where OpenFeature's tools write flags. Reading is the data plane's (api/ofrep).
const manifestFlags = openfeature.PathManifest + "/flags"

// WriteManifestFlagSchema is a flag to create, or what a flag is to become.
type WriteManifestFlagSchema struct {
	Key          string          `json:"key"`
	Type         string          `json:"type" enum:"boolean,string,integer,float,object" doc:"Cannot be changed"`
	Name         string          `json:"name,omitempty" doc:"Ignored: the key is the name"`
	Description  *string         `json:"description,omitempty" nullable:"true"`
	DefaultValue json.RawMessage `json:"defaultValue,omitempty" doc:"Required of new flags. The value of the variant named default"`
}

// ManifestFlagResponseSchema is a flag that was written.
type ManifestFlagResponseSchema struct {
	Flag      openfeature.ManifestFlagSchema `json:"flag"`
	UpdatedAt api.Time                       `json:"updatedAt"`
}

// ManifestArchiveSchema says that a flag was archived.
type ManifestArchiveSchema struct {
	Message    string    `json:"message"`
	ArchivedAt *api.Time `json:"archivedAt" nullable:"true"`
}

// ManifestQuery says where flags are written.
type ManifestQuery struct {
	Environment string `query:"environment" default:"development" doc:"Whose variants decide on the type and the default of a flag"`
}

type (
	createManifestFlagInput struct {
		ManifestQuery
		Project string `query:"project" default:"default" doc:"The project of the new flag"`
		Body    WriteManifestFlagSchema
	}
	updateManifestFlagInput struct {
		ManifestQuery
		Key  string `path:"key" doc:"The flag's name"`
		Body WriteManifestFlagSchema
	}
	archiveManifestFlagInput struct {
		Key string `path:"key" doc:"The flag's name"`
	}
	manifestFlagOutput struct {
		Capabilities string `header:"X-Manifest-Capabilities"`
		Body         ManifestFlagResponseSchema
	}
	manifestArchiveOutput struct {
		Capabilities string `header:"X-Manifest-Capabilities"`
		Body         ManifestArchiveSchema
	}
)

// GuardManifest lets those who may write flags for OpenFeature be known to the operations. The guard of reading, which
// checks the token, is put in front of it.
func GuardManifest(target *api.API) {
	target.Guard(openfeature.PathManifest, func(next http.Handler) http.Handler {
		identified := identify(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if known := api.TokenFrom(r.Context()); known != nil && known.Kind == token.Admin {
				identified.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

func (a *API) registerManifest() {
	const tag = "OpenFeature"
	one := manifestFlags + "/{key}"
	// The project is the query's or the flag's own, so that control asks for the permission.
	write(a, access.Anyone, a.manifestOp(post, manifestFlags, "createManifestFlag", tag, status(http.StatusCreated)), a.createManifestFlag)
	write(a, access.Anyone, a.manifestOp(put, one, "updateManifestFlag", tag), a.updateManifestFlag)
	write(a, access.Anyone, a.manifestOp(remove, one, "archiveManifestFlag", tag, status(http.StatusOK)), a.archiveManifestFlag)
}

// manifestOp is op for a path of its own, with errors in the manifest's envelope.
func (a *API) manifestOp(method, path, id, tag string, options ...option) huma.Operation {
	o := op(method, path, id, tag, options...)
	o.Path = path
	o.Responses = map[string]*huma.Response{}
	for _, code := range o.Errors {
		o.Responses[strconv.Itoa(code)] = api.JSONResponse[openfeature.ManifestErrorSchema](a.http.Huma, http.StatusText(code))
	}
	o.Errors = nil
	return o
}

func (a *API) createManifestFlag(ctx context.Context, tx pgx.Tx, in *createManifestFlagInput) (*manifestFlagOutput, error) {
	flag, err := manifest.Create(ctx, tx, in.Project, in.Environment, in.Body.flag())
	return manifestFlagOf(flag), err
}

func (a *API) updateManifestFlag(ctx context.Context, tx pgx.Tx, in *updateManifestFlagInput) (*manifestFlagOutput, error) {
	if in.Key != in.Body.Key {
		return nil, fault.New(fault.Invalid, "The keys of the path and of the body must be the same.").
			With(fault.Detail{Path: "/body/key", Message: "is not the path's"})
	}
	flag, err := manifest.Update(ctx, tx, in.Environment, in.Body.flag())
	return manifestFlagOf(flag), err
}

func (a *API) archiveManifestFlag(ctx context.Context, tx pgx.Tx, in *archiveManifestFlagInput) (*manifestArchiveOutput, error) {
	row, err := manifest.Archive(ctx, tx, in.Key)
	return &manifestArchiveOutput{openfeature.Capabilities, ManifestArchiveSchema{
		Message: `Flag "` + in.Key + `" archived. Revive it to use its key again.`, ArchivedAt: api.AtOrNil(row.ArchivedAt),
	}}, err
}

func (s WriteManifestFlagSchema) flag() manifest.Flag {
	return manifest.Flag{Key: s.Key, Type: s.Type, Description: s.Description, Default: s.DefaultValue}
}

func manifestFlagOf(flag openfeature.ManifestFlagSchema) *manifestFlagOutput {
	return &manifestFlagOutput{openfeature.Capabilities, ManifestFlagResponseSchema{flag, api.At(time.Now())}}
}
