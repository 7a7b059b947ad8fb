package eval

import (
	"cmp"
	"strings"
)

// Limits of the semver library that the SDKs share: longer text or larger numbers are no version.
const (
	maxVersionLength = 256
	maxVersionNumber = 1<<53 - 1
)

// version is a parsed semantic version 2.0.0. Build metadata is checked and dropped: it has no order.
type version struct {
	major, minor, patch uint64
	pre                 string
}

// parseVersion reads a version strictly, after trimming space. It allocates nothing.
func parseVersion(text string) (v version, ok bool) {
	if len(text) > maxVersionLength {
		return v, false
	}
	rest := trimSpace(text)
	if v.major, rest, ok = versionNumber(rest, '.'); !ok {
		return v, false
	}
	if v.minor, rest, ok = versionNumber(rest, '.'); !ok {
		return v, false
	}
	if v.patch, rest, ok = versionNumber(rest, 0); !ok {
		return v, false
	}
	rest, build, hasBuild := strings.Cut(rest, "+")
	if hasBuild && !versionIdentifiers(build, false) {
		return v, false
	}
	if rest == "" {
		return v, true
	}
	if rest[0] != '-' || !versionIdentifiers(rest[1:], true) {
		return v, false
	}
	v.pre = rest[1:]
	return v, true
}

// versionNumber reads a number without leading zero and the separator after it, if one is asked for.
func versionNumber(s string, separator byte) (n uint64, rest string, ok bool) {
	i := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		n = n*10 + uint64(s[i]-'0')
		if n > maxVersionNumber {
			return 0, "", false
		}
	}
	if i == 0 || (i > 1 && s[0] == '0') {
		return 0, "", false
	}
	if separator == 0 {
		return n, s[i:], true
	}
	if i == len(s) || s[i] != separator {
		return 0, "", false
	}
	return n, s[i+1:], true
}

// versionIdentifiers checks a dot-separated list of identifiers; pre-release numbers must not have a leading zero.
func versionIdentifiers(s string, pre bool) bool {
	for {
		identifier, rest, more := strings.Cut(s, ".")
		if identifier == "" || (pre && len(identifier) > 1 && identifier[0] == '0' && isNumeric(identifier)) {
			return false
		}
		for i := range len(identifier) {
			if b := identifier[i]; !isDigit(b) && b != '-' && (b|0x20 < 'a' || b|0x20 > 'z') {
				return false
			}
		}
		if !more {
			return true
		}
		s = rest
	}
}

func (v version) compare(w version) int {
	return cmp.Or(
		cmp.Compare(v.major, w.major),
		cmp.Compare(v.minor, w.minor),
		cmp.Compare(v.patch, w.patch),
		comparePreRelease(v.pre, w.pre),
	)
}

func comparePreRelease(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "": // a release is above its pre-releases
		return 1
	case b == "":
		return -1
	}
	for {
		identifierA, restA, moreA := strings.Cut(a, ".")
		identifierB, restB, moreB := strings.Cut(b, ".")
		if order := compareIdentifier(identifierA, identifierB); order != 0 {
			return order
		}
		switch {
		case !moreA && !moreB:
			return 0
		case !moreA:
			return -1
		case !moreB:
			return 1
		}
		a, b = restA, restB
	}
}

func compareIdentifier(a, b string) int {
	numericA, numericB := isNumeric(a), isNumeric(b)
	switch {
	case numericA && numericB: // without leading zeros, the longer number is the larger
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case numericA:
		return -1
	case numericB:
		return 1
	default:
		return cmp.Compare(a, b)
	}
}

func isNumeric(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
