package db

import (
	"encoding/json"
	"log/slog"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
)

// silent decodes for those who show state: who tells of values in the wrong shape is the ChangeLog that follows it.
var silent = &follower{log: &ChangeLog{logger: slog.New(slog.DiscardHandler)}}

// ReadParameters reads the parameters of a strategy as SDKs are given them.
func ReadParameters(raw json.RawMessage) map[string]string { return silent.decodeParameters(raw) }

// ReadConstraints reads the constraints of a strategy or segment as SDKs are given them: one in the wrong shape becomes
// one that no context meets.
func ReadConstraints(raw json.RawMessage) []eval.Constraint { return silent.decodeConstraints(raw) }

// ReadVariants reads variants as SDKs are given them, without those in the wrong shape.
func ReadVariants(raw json.RawMessage) []eval.Variant { return silent.decodeVariants(raw) }

// ReadDependency reads a dependency as SDKs are given it.
func ReadDependency(row queries.FeatureDependency) eval.Dependency { return decodeDependency(row) }
