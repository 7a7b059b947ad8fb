package edge

import (
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// uses yields the tokens that were used here since it was asked last. A use that falls together with a question to the
// upstream may be missed; the next one is not.
func (t *Tokens) uses(yield func(usage.TokenUse)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for sum, known := range t.known {
		if known.used.Load() && known.used.CompareAndSwap(true, false) && known.Kind != token.Admin {
			yield(usage.TokenUse{Environment: known.Scope.Environment, Hash: sum})
		}
	}
}

// secretOf is the secret with that hash, if it is known.
func (t *Tokens) secretOf(sum hash) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if known := t.known[sum]; known != nil {
		return known.secret
	}
	return ""
}

// usedElsewhere notes which tokens an edge below this one has seen in use.
func usedElsewhere(buffer *usage.Buffer) func(environment string, hashes [][32]byte) {
	return func(environment string, hashes [][32]byte) {
		for _, sum := range hashes {
			buffer.Used(usage.TokenUse{Environment: environment, Hash: sum})
		}
	}
}
