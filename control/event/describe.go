package event

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pennonhq/pennon/queries"
)

// words are how an event is told: label is its title; did is what the actor did, where {flag}, {project}, {environment} and
// {name} stand for what the event is about ({name}: what its data call it).
type words struct{ label, did string }

// vocabulary holds the words of types for which those made of the type's own name would read badly.
var vocabulary = map[Type]words{
	FeatureCreated:                    {"Flag created", "created the flag {flag} in project {project}"},
	FeatureDeleted:                    {"Flag deleted", "deleted the flag {flag} from project {project}"},
	FeatureMetadataUpdated:            {"Flag settings changed", "changed the settings of flag {flag} in project {project}"},
	FeatureArchived:                   {"Flag archived", "archived the flag {flag} in project {project}"},
	FeatureRevived:                    {"Flag revived", "revived the flag {flag} in project {project}"},
	FeatureStaleOn:                    {"Flag marked stale", "marked the flag {flag} in project {project} as stale"},
	FeatureStaleOff:                   {"Flag no longer stale", "marked the flag {flag} in project {project} as no longer stale"},
	FeaturePotentiallyStaleOn:         {"Flag potentially stale", "noticed that the flag {flag} in project {project} has outlived its type"},
	FeatureCompleted:                  {"Flag completed", "completed the flag {flag} in project {project}"},
	FeatureUncompleted:                {"Flag reopened", "reopened the flag {flag} in project {project}"},
	FeatureProjectChange:              {"Flag moved", "moved the flag {flag} to project {project}"},
	FeatureTagged:                     {"Flag tagged", "tagged the flag {flag}"},
	FeatureUntagged:                   {"Flag untagged", "removed a tag from the flag {flag}"},
	FeatureLinkAdded:                  {"Flag link added", "added a link to the flag {flag}"},
	FeatureLinkUpdated:                {"Flag link changed", "changed a link of the flag {flag}"},
	FeatureLinkRemoved:                {"Flag link removed", "removed a link from the flag {flag}"},
	FeatureFavorited:                  {"Flag made a favourite", "made the flag {flag} a favourite"},
	FeatureUnfavorited:                {"Flag no longer a favourite", "removed the flag {flag} from the favourites"},
	FeaturesImported:                  {"Flags imported", "imported flags into project {project}, environment {environment}"},
	FeaturesExported:                  {"Flags exported", "exported flags of environment {environment}"},
	FeatureEnvironmentEnabled:         {"Flag switched on", "switched the flag {flag} on in environment {environment} of project {project}"},
	FeatureEnvironmentDisabled:        {"Flag switched off", "switched the flag {flag} off in environment {environment} of project {project}"},
	FeatureEnvironmentVariantsUpdated: {"Flag variants changed", "changed the variants of flag {flag} in environment {environment}"},
	FeatureVariantsUpdated:            {"Flag variants changed", "changed the variants of flag {flag}"},
	FeatureStrategyAdd:                {"Strategy added", "added the strategy {name} to flag {flag} in environment {environment} of project {project}"},
	FeatureStrategyUpdate:             {"Strategy changed", "changed the strategy {name} of flag {flag} in environment {environment} of project {project}"},
	FeatureStrategyRemove:             {"Strategy removed", "removed the strategy {name} from flag {flag} in environment {environment} of project {project}"},
	StrategyOrderChanged:              {"Strategies reordered", "reordered the strategies of flag {flag} in environment {environment}"},
	FeatureDependencyAdded:            {"Flag dependency added", "made the flag {flag} depend on another one"},
	FeatureDependencyRemoved:          {"Flag dependency removed", "removed a dependency of the flag {flag}"},
	FeatureDependenciesRemoved:        {"Flag dependencies removed", "removed all dependencies of the flag {flag}"},
	ProjectFavorited:                  {"Project made a favourite", "made the project {project} a favourite"},
	ProjectUnfavorited:                {"Project no longer a favourite", "removed the project {project} from the favourites"},
	ProjectEnvironmentAdded:           {"Environment added to project", "added the environment {environment} to project {project}"},
	ProjectEnvironmentRemoved:         {"Environment removed from project", "removed the environment {environment} from project {project}"},
	DefaultStrategyUpdated:            {"Default strategy changed", "changed the default strategy of environment {environment} in project {project}"},
	APITokenCreated:                   {"API token created", "created the API token {name}"},
	APITokenUpdated:                   {"API token changed", "changed the API token {name}"},
	APITokenDeleted:                   {"API token deleted", "deleted the API token {name}"},
	AddonCreated:                      {"Integration created", "created the {name} integration"},
	AddonUpdated:                      {"Integration changed", "changed the {name} integration"},
	AddonDeleted:                      {"Integration deleted", "deleted the {name} integration"},
}

// Label is the title of events of a type, such as "Flag created".
func Label(kind Type) string {
	if known, ok := vocabulary[kind]; ok {
		return known.label
	}
	text := strings.ReplaceAll(string(kind), "-", " ")
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// Summary tells in a sentence what happened, with names in bold in Markdown: "**admin** archived the flag **beta**…".
func Summary(e queries.Event) string {
	known, ok := vocabulary[Type(e.Type)]
	if !ok {
		known.did = generic(Type(e.Type))
	}
	name := nameOf(e)
	if name == "" {
		known.did = strings.ReplaceAll(known.did, " {name}", "")
	}
	return bold(e.CreatedBy) + " " + strings.NewReplacer(
		"{flag}", bold(deref(e.Feature)),
		"{project}", bold(deref(e.Project)),
		"{environment}", bold(deref(e.Environment)),
		"{name}", bold(name),
	).Replace(known.did)
}

// generic makes "created the context field {name}" of context-field-created.
func generic(kind Type) string {
	words := strings.Split(string(kind), "-")
	last := len(words) - 1
	if last == 0 {
		return "did " + words[0]
	}
	return words[last] + " the " + strings.Join(words[:last], " ") + " {name}"
}

// nameOf is what the event's data, or what was there before, call the thing.
func nameOf(e queries.Event) string {
	for _, document := range []json.RawMessage{e.Data, e.PreData} {
		var named struct {
			Provider  any `json:"provider"` // of integrations
			TokenName any `json:"tokenName"`
			Name      any `json:"name"`
			Value     any `json:"value"`   // of tags
			Message   any `json:"message"` // of banners
			ID        any `json:"id"`
		}
		if json.Unmarshal(document, &named) != nil {
			continue
		}
		for _, candidate := range []any{named.Provider, named.TokenName, named.Name, named.Value, named.Message, named.ID} {
			if text, ok := candidate.(string); ok && text != "" {
				return text
			}
		}
	}
	return ""
}

func bold(name string) string {
	if name == "" {
		name = "?"
	}
	return "**" + name + "**"
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
