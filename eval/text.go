package eval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpace is JavaScript's notion of white space.
func isSpace(r rune) bool {
	switch r {
	case '\t', '\n', '\v', '\f', '\r', ' ', '\u2028', '\u2029', '\ufeff':
		return true
	}
	return r > unicode.MaxASCII && unicode.Is(unicode.Zs, r)
}

func trimSpace(s string) string {
	return strings.TrimFunc(s, isSpace)
}

// splitList cuts a strategy parameter at its commas and drops the space around them. Space at both ends of the whole
// text and empty items stay, as in the SDKs.
func splitList(text string) []string {
	if text == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		if i > 0 {
			items[i] = strings.TrimLeftFunc(items[i], isSpace)
		}
		if i < len(items)-1 {
			items[i] = strings.TrimRightFunc(items[i], isSpace)
		}
	}
	return items
}

// linearSet is the size up to which comparing each item is faster than hashing.
const linearSet = 8

// textSet answers whether it holds a text.
type textSet struct {
	items []string
	index map[string]struct{} // nil for a small set
}

func newTextSet(items []string) textSet {
	set := textSet{items: items}
	if len(items) > linearSet {
		set.index = make(map[string]struct{}, len(items))
		for _, item := range items {
			set.index[item] = struct{}{}
		}
	}
	return set
}

func (t *textSet) has(text string) bool {
	if t.index != nil {
		_, ok := t.index[text]
		return ok
	}
	for _, item := range t.items {
		if item == text {
			return true
		}
	}
	return false
}

// fold lowers text the way foldReader lowers a context value.
func fold(text string) string {
	var b strings.Builder
	for r := (foldReader{rest: text}); ; {
		lower, ok := r.next()
		if !ok {
			return b.String()
		}
		b.WriteRune(lower)
	}
}

// foldReader lowers text rune by rune without a copy. It follows JavaScript's toLowerCase with one simplification: both
// small sigmas are one, so that the form at the end of a word needs no look-ahead.
type foldReader struct {
	rest    string
	pending rune
}

func (f *foldReader) next() (rune, bool) {
	if f.pending != 0 {
		r := f.pending
		f.pending = 0
		return r, true
	}
	if f.rest == "" {
		return 0, false
	}
	if b := f.rest[0]; b < utf8.RuneSelf {
		f.rest = f.rest[1:]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		return rune(b), true
	}
	r, size := utf8.DecodeRuneInString(f.rest)
	f.rest = f.rest[size:]
	switch r {
	case 'İ':
		f.pending = '\u0307'
		return 'i', true
	case 'ς':
		return 'σ', true
	}
	return unicode.ToLower(r), true
}

// skip reads lower, which must be folded already, from f.
func (f *foldReader) skip(lower string) bool {
	for _, want := range lower {
		if got, ok := f.next(); !ok || got != want {
			return false
		}
	}
	return true
}

func hasPrefixFold(text, lower string) bool {
	r := foldReader{rest: text}
	return r.skip(lower)
}

func containsFold(text, lower string) bool {
	for r := (foldReader{rest: text}); ; {
		attempt := r
		if attempt.skip(lower) {
			return true
		}
		if _, ok := r.next(); !ok {
			return false
		}
	}
}

func hasSuffixFold(text, lower string) bool {
	for r := (foldReader{rest: text}); ; {
		attempt := r
		if attempt.skip(lower) {
			if _, more := attempt.next(); !more {
				return true
			}
		}
		if _, ok := r.next(); !ok {
			return false
		}
	}
}
