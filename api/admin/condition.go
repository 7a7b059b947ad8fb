package admin

import "strings"

// Entity tags of the Admin API are "<version>" after a write and "<version>.<hash of the body>" on a read. Both are strong:
// a read is the same byte for byte while its tag is, also where it shows what is no part of the version, such as usage.
// If-Match looks at the version alone.

// matchesVersion reports whether one of the tags of the If-Match fields names version, which is not empty. Weak tags never
// do (RFC 9110, 13.1.1).
func matchesVersion(fields []string, version string) bool {
	for tag := range entityTags(fields) {
		if tag == "*" {
			return true
		}
		opaque, strong := strings.CutPrefix(tag, `"`)
		known, _, _ := strings.Cut(strings.TrimSuffix(opaque, `"`), ".")
		if strong && known == version {
			return true
		}
	}
	return false
}

// matchesTag reports whether one of the tags of the If-None-Match fields is tag. Weak ones count as well (13.1.2).
func matchesTag(fields []string, tag string) bool {
	for given := range entityTags(fields) {
		if given == "*" || strings.TrimPrefix(given, "W/") == tag {
			return true
		}
	}
	return false
}

// entityTags yields the tags of header fields with lists of them. What is no tag is left out.
func entityTags(fields []string) func(yield func(tag string) bool) {
	return func(yield func(string) bool) {
		for _, rest := range fields {
			for {
				rest = strings.TrimLeft(rest, " \t,")
				if rest == "" {
					break
				}
				if rest[0] == '*' {
					if !yield("*") {
						return
					}
					rest = rest[1:]
					continue
				}
				weak := strings.HasPrefix(rest, "W/")
				opaque := strings.TrimPrefix(rest, "W/")
				if !strings.HasPrefix(opaque, `"`) {
					_, rest, _ = strings.Cut(rest, ",")
					continue
				}
				text, after, closed := strings.Cut(opaque[1:], `"`)
				if !closed {
					break
				}
				tag := `"` + text + `"`
				if weak {
					tag = "W/" + tag
				}
				if !yield(tag) {
					return
				}
				rest = after
			}
		}
	}
}
