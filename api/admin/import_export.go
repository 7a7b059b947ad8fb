package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/transfer"
)

// importBodyLimit is the largest document in bytes. Unleash takes 500 kB; a document of every environment is larger.
const importBodyLimit = 16 << 20

// formatUnleash asks for a document without Pennon's additions.
const formatUnleash = "unleash"

// ExportQuerySchema selects flags: those named, of a project, with a tag, or whatever of these is given; all when nothing
// is.
type ExportQuerySchema struct {
	Environment  string   `json:"environment,omitempty" doc:"One environment; every one when it is * or left out"`
	Features     []string `json:"features,omitzero" maxItems:"100000"`
	Project      string   `json:"project,omitempty"`
	Tag          string   `json:"tag,omitempty" doc:"A tag's value, or its type and value as type:value"`
	DownloadFile bool     `json:"downloadFile,omitempty" doc:"Answers with a file to be saved"`
	Format       string   `json:"format,omitempty" enum:"pennon,unleash" doc:"unleash leaves out what Unleash refuses to import: the bodies of segments and custom strategy types"`
}

// ImportTogglesSchema says what to import and where to.
type ImportTogglesSchema struct {
	Project     string             `json:"project,omitempty" doc:"The project for all flags; each flag's own when it is * or left out"`
	Environment string             `json:"environment,omitempty" doc:"The environment to import into; every one of the document when it is * or left out"`
	Data        ExportResultSchema `json:"data"`
}

// ImportTogglesValidateSchema is what an import would meet.
type ImportTogglesValidateSchema struct {
	Errors      []ImportTogglesValidateItemSchema `json:"errors" nullable:"false" doc:"What the import would fail with"`
	Warnings    []ImportTogglesValidateItemSchema `json:"warnings" nullable:"false"`
	Permissions []ImportTogglesValidateItemSchema `json:"permissions" nullable:"false" doc:"What the caller lacks"`
}

// ImportTogglesValidateItemSchema is one finding.
type ImportTogglesValidateItemSchema struct {
	Message       string   `json:"message"`
	AffectedItems []string `json:"affectedItems" nullable:"false"`
}

type (
	exportInput struct {
		DownloadFile bool `query:"downloadFile" doc:"Answers with a file to be saved"`
		Body         ExportQuerySchema
	}
	exportOutput struct {
		Disposition string `header:"Content-Disposition"`
		Body        ExportResultSchema
	}
	validateImportInput struct{ Body ImportTogglesSchema }
	importInput         struct {
		DryRun bool `query:"dryRun" doc:"Answers as validateImport does and writes nothing"`
		Body   ImportTogglesSchema
	}
	validateImportOutput struct{ Body ImportTogglesValidateSchema }
)

func (a *API) registerImportExport() {
	const tag, ok = "Import/Export", http.StatusOK
	large := func(o *huma.Operation) { o.MaxBodyBytes = importBodyLimit }
	// The projects and environments are in the body: the control functions ask for the permissions in each.
	write(a, access.Anyone, op(post, "/features-batch/export", "exportFeatures", tag, status(ok), mayBeNotFound), a.exportFeatures)
	write(a, access.Anyone, op(post, "/features-batch/validate", "validateImport", tag, status(ok), mayBeNotFound, large), a.validateImport)
	write(a, access.Anyone, op(post, "/features-batch/import", "importToggles", tag, status(ok), mayBeNotFound, large), a.importToggles)
}

func (a *API) exportFeatures(ctx context.Context, tx pgx.Tx, in *exportInput) (*exportOutput, error) {
	document, err := transfer.Export(ctx, tx, transfer.Query{
		Environment: in.Body.Environment, Features: in.Body.Features, Project: in.Body.Project, Tag: in.Body.Tag,
		Strict: in.Body.Format == formatUnleash,
	})
	if err != nil {
		return nil, err
	}
	out := &exportOutput{Body: exportResultSchema(document)}
	if in.DownloadFile || in.Body.DownloadFile {
		out.Disposition = `attachment; filename="export-` + time.Now().UTC().Format("2006-01-02T15-04-05Z") + `.json"`
	}
	return out, nil
}

func (a *API) validateImport(ctx context.Context, tx pgx.Tx, in *validateImportInput) (*validateImportOutput, error) {
	report, err := transfer.Validate(ctx, tx, in.Body.request())
	return &validateImportOutput{Body: ImportTogglesValidateSchema{
		Errors: importItems(report.Errors), Warnings: importItems(report.Warnings), Permissions: importItems(report.Permissions),
	}}, err
}

func (a *API) importToggles(ctx context.Context, tx pgx.Tx, in *importInput) (*validateImportOutput, error) {
	out, err := a.validateImport(ctx, tx, &validateImportInput{Body: in.Body})
	if err != nil || in.DryRun {
		return out, err
	}
	return out, transfer.Import(ctx, tx, in.Body.request())
}

func (s ImportTogglesSchema) request() transfer.Request {
	return transfer.Request{Project: s.Project, Environment: s.Environment, Document: s.Data.document()}
}

func importItems(items []transfer.Item) []ImportTogglesValidateItemSchema {
	schemas := make([]ImportTogglesValidateItemSchema, len(items))
	for i, item := range items {
		schemas[i] = ImportTogglesValidateItemSchema(item)
	}
	return schemas
}
