package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pennonhq/pennon/client"
)

// Export writes flags as a document.
type Export struct {
	Connection

	Flags       []string `arg:"" optional:"" predictor:"flags" help:"Names of flags; all by default."`
	Environment string   `name:"environment" short:"e" predictor:"environments" help:"One environment; every one by default."`
	Project     string   `name:"project" short:"p" predictor:"projects" help:"Flags of this project."`
	Tag         string   `name:"tag" placeholder:"TYPE:VALUE" help:"Flags with this tag."`
	Format      string   `name:"format" default:"pennon" enum:"pennon,unleash" help:"pennon, or unleash: without what Unleash refuses to import."`
	File        string   `name:"file" short:"f" help:"File to write; standard output by default."`
}

// Run exports. The document is JSON whatever --output says.
func (c *Export) Run(ctx context.Context, s *Session) error {
	query := client.ExportQuerySchema{
		Environment: given(c.Environment), Project: given(c.Project), Tag: given(c.Tag),
		Features: givenList(c.Flags), Format: given(client.ExportQuerySchemaFormat(c.Format)),
	}
	answer, err := s.ExportFeaturesWithResponse(ctx, nil, query)
	if err != nil {
		return s.environmentError(ctx, c.Environment, err)
	}
	if c.File == "" {
		return s.showJSON(answer.Body)
	}
	file, err := os.Create(c.File)
	if err != nil {
		return err
	}
	written := (&Session{Streams: Streams{Out: file}}).showJSON(answer.Body)
	if err := errors.Join(written, file.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Err, "wrote %s to %s\n", count(len(list(answer.JSON200.Features)), "flag"), c.File)
	return err
}

// Import reads a document.
type Import struct {
	Connection

	File        string `arg:"" help:"File that 'pennon export' or Unleash wrote; - for standard input."`
	Environment string `name:"environment" short:"e" predictor:"environments" help:"Import one environment's document into this one."`
	Project     string `name:"project" short:"p" predictor:"projects" help:"Import all flags into this project."`
	DryRun      bool   `name:"dry-run" aliases:"validate" help:"Say what would be wrong, and write nothing."`
}

var errInvalidDocument = errors.New("the document cannot be imported")

// Run imports, or validates. The document is sent as it is: what this program does not know is the server's to judge.
func (c *Import) Run(ctx context.Context, s *Session) error {
	in := s.In
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	document, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	if !json.Valid(document) {
		return fmt.Errorf("%s is not a JSON document", c.File)
	}
	request, err := json.Marshal(struct {
		Environment string          `json:"environment,omitempty"`
		Project     string          `json:"project,omitempty"`
		Data        json.RawMessage `json:"data"`
	}{c.Environment, c.Project, document})
	if err != nil {
		return err
	}
	const contentType = "application/json"
	found, err := s.ValidateImportWithBodyWithResponse(ctx, contentType, bytes.NewReader(request))
	if err != nil {
		return s.environmentError(ctx, c.Environment, err)
	}
	if err := c.report(s, found); err != nil || c.DryRun {
		return err
	}
	answer, err := s.ImportTogglesWithBodyWithResponse(ctx, nil, contentType, bytes.NewReader(request))
	if err != nil {
		return err
	}
	return s.say(answer.Body, "imported %s", c.File)
}

// report prints what validation found, and fails when it forbids the import.
func (c *Import) report(s *Session, found *client.ValidateImportResponse) error {
	if s.json && c.DryRun {
		if err := s.showJSON(found.Body); err != nil {
			return err
		}
	} else {
		for kind, items := range map[string][]client.ImportTogglesValidateItemSchema{
			"error": found.JSON200.Errors, "permission": found.JSON200.Permissions, "warning": found.JSON200.Warnings,
		} {
			for _, item := range items {
				_, _ = fmt.Fprintf(s.Err, "%s: %s %s\n", kind, clean(item.Message), clean(strings.Join(item.AffectedItems, ", ")))
			}
		}
	}
	if len(found.JSON200.Errors)+len(found.JSON200.Permissions) > 0 {
		return errInvalidDocument
	}
	if c.DryRun && !s.json {
		_, err := fmt.Fprintf(s.Out, "%s can be imported\n", c.File)
		return err
	}
	return nil
}
