package addon

import (
	"slices"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/outbound"
)

// Parameter is something an integration of a provider needs to know. A sensitive one is never shown again.
type Parameter struct {
	Name        string
	DisplayName string
	Kind        string // text, textfield or url: how it is asked for
	Description string
	Placeholder string
	Required    bool
	Sensitive   bool

	check func(value string) error // nil: any text will do
}

// TagType is a type of tags that a provider gives a meaning: the tags of a flag say where its messages go.
type TagType struct {
	Name        string
	Description string
	Icon        string
}

// Provider is a kind of integration.
type Provider struct {
	Name             string
	DisplayName      string
	Description      string
	DocumentationURL string
	HowTo            string
	Deprecated       string // why not to use it any more; empty: it is not deprecated
	Parameters       []Parameter
	TagTypes         []TagType

	// compose makes the requests that tell of a message.
	compose func(m message) ([]outbound.Request, error)

	// refused finds out whether an answer that says success means it; nil: it does.
	refused func(outbound.Response) error
}

// Events are the types of events that integrations of the provider are offered.
func (p Provider) Events() []event.Type { return event.Written() }

func (p Provider) parameter(name string) (Parameter, bool) {
	i := slices.IndexFunc(p.Parameters, func(known Parameter) bool { return known.Name == name })
	if i < 0 {
		return Parameter{}, false
	}
	return p.Parameters[i], true
}

// Providers lists the catalogue. Names are Unleash's; generic is our own.
func Providers() []Provider {
	return []Provider{webhook, slackApp, slack, teamsWorkflow, teams, datadog, newRelic, generic}
}

func providerNamed(name string) (Provider, bool) {
	providers := Providers()
	i := slices.IndexFunc(providers, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return Provider{}, false
	}
	return providers[i], true
}

// Parameters that several providers have.

func urlParameter(displayName, description string) Parameter {
	return Parameter{
		Name: "url", DisplayName: displayName, Kind: "url", Required: true, Sensitive: true,
		Description: description, check: outbound.CheckURL,
	}
}

func customHeaders() Parameter {
	return Parameter{
		Name: "customHeaders", DisplayName: "Extra HTTP headers", Kind: "textfield", Sensitive: true,
		Description: "Further headers of the request: a JSON object with a string for each header.",
		Placeholder: `{"X-Api-Key": "secret"}`, check: checkHeaders,
	}
}

func bodyTemplate(placeholder string) Parameter {
	return Parameter{
		Name: "bodyTemplate", DisplayName: "Body template", Kind: "textfield",
		Description: "A Mustache template of the request's body. {{event.…}} is filled in so that JSON stays valid; {{{eventJson}}} is " +
			"the whole event as a JSON string. Left blank, a body made for the receiver is sent.",
		Placeholder: placeholder, check: checkTemplate,
	}
}
