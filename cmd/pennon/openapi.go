package main

import (
	"fmt"

	"github.com/pennonhq/pennon/server"
)

type openAPICommand struct {
	Downgrade bool `name:"downgrade" help:"OpenAPI 3.0 instead of 3.1, for older generators."`
	JSON      bool `name:"json" help:"JSON instead of YAML."`
}

// Run prints the document. It needs no database: the document is the router.
func (c *openAPICommand) Run(std streams) error {
	document := server.OpenAPI()
	marshal := document.YAML
	switch {
	case c.Downgrade && c.JSON:
		marshal = document.Downgrade
	case c.Downgrade:
		marshal = document.DowngradeYAML
	case c.JSON:
		marshal = document.MarshalJSON
	}
	text, err := marshal()
	if err != nil {
		return fmt.Errorf("print OpenAPI document: %w", err)
	}
	_, err = std.out.Write(text)
	return err
}
