package job

import (
	"context"
	"log/slog"
)

// warnings passes on what is a warning or worse: River tells its life's story at lower levels.
type warnings struct{ slog.Handler }

// Enabled reports whether records of a level are passed on.
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs returns such a handler with attributes.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns such a handler with a group.
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }
