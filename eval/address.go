package eval

import (
	"net/netip"
	"strings"
)

// parseRange reads an IP address with an optional prefix length, "10.0.0.7" or "10.0.0.0/8". The parser is our own
// because netip's allocates an error for text that is no address, and it does not mix families: an IPv4 address mapped
// into IPv6 ("::ffff:10.0.0.7") stays IPv6, as in the SDKs.
func parseRange(text string) (netip.Prefix, bool) {
	host, suffix, hasSuffix := strings.Cut(text, "/")
	addr, ok := parseAddress(host)
	if !ok {
		return netip.Prefix{}, false
	}
	if !hasSuffix {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	n, ok := parseSmallInteger(suffix)
	if !ok || suffix == "" || len(suffix) > 3 || int(n) > addr.BitLen() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, int(n)), true
}

// rangeCovers reports whether the address or range a lies in r.
func rangeCovers(r, a netip.Prefix) bool {
	return a.Addr() == r.Addr() || (a.Bits() >= r.Bits() && r.Contains(a.Addr()))
}

func parseAddress(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 {
		b, ok := parseIPv4(s)
		return netip.AddrFrom4(b), ok
	}
	if host, zone, hasZone := strings.Cut(s, "%"); hasZone {
		if zone == "" {
			return netip.Addr{}, false
		}
		s = host // a zone names an interface, it is no part of the network
	}
	return parseIPv6(s)
}

func parseIPv4(s string) (b [4]byte, ok bool) {
	part, digits, value := 0, 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if digits == 0 || part > 3 {
				return b, false
			}
			b[part] = byte(value)
			part, digits, value = part+1, 0, 0
			continue
		}
		if !isDigit(s[i]) || (digits > 0 && value == 0) {
			return b, false
		}
		value = value*10 + int(s[i]-'0')
		if value > 255 {
			return b, false
		}
		digits++
	}
	return b, part == 4
}

func parseIPv6(s string) (netip.Addr, bool) {
	var b [16]byte
	at, gap := 0, -1
	if strings.HasPrefix(s, "::") {
		gap, s = 0, s[2:]
	}
	for s != "" {
		if at == 16 {
			return netip.Addr{}, false
		}
		group, rest, more := strings.Cut(s, ":")
		if !more && strings.IndexByte(group, '.') >= 0 {
			v4, ok := parseIPv4(group)
			if !ok || at > 12 {
				return netip.Addr{}, false
			}
			at += copy(b[at:], v4[:])
			break
		}
		value, ok := parseGroup(group)
		if !ok {
			return netip.Addr{}, false
		}
		b[at], b[at+1] = byte(value>>8), byte(value)
		at += 2
		if !more {
			break
		}
		s = rest
		switch {
		case strings.HasPrefix(s, ":"):
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, s = at, s[1:]
		case s == "":
			return netip.Addr{}, false // a lone colon at the end
		}
	}
	if gap < 0 {
		return netip.AddrFrom16(b), at == 16
	}
	if at == 16 {
		return netip.Addr{}, false // "::" must stand for something
	}
	var full [16]byte
	copy(full[:], b[:gap])
	copy(full[16-(at-gap):], b[gap:at])
	return netip.AddrFrom16(full), true
}

func parseGroup(s string) (n uint16, ok bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case isDigit(b):
			n = n<<4 | uint16(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			n = n<<4 | uint16(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
