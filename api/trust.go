package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Trust says which proxies are believed when they tell, in X-Forwarded-For, where a request came from. The zero value
// believes nobody. A Trust is immutable.
type Trust struct {
	everybody bool
	networks  []netip.Prefix
	forwarded bool // Forwarded counts where there is no X-Forwarded-For
}

// WithForwarded believes the Forwarded header (RFC 7239), too, of requests that have no X-Forwarded-For. Where both are
// there, one of them may be the caller's own, passed on by a proxy that knows the other only; most know X-Forwarded-For.
func (t Trust) WithForwarded() Trust {
	t.forwarded = true
	return t
}

// trustNames are the groups of addresses that have a name, as the legacy Unleash Proxy (and Express) know them.
var trustNames = map[string][]string{
	"loopback":    {"127.0.0.0/8", "::1/128"},
	"linklocal":   {"169.254.0.0/16", "fe80::/10"},
	"uniquelocal": {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
}

// TrustEverybody believes whoever connects.
func TrustEverybody() Trust { return Trust{everybody: true} }

// ParseTrust reads false, true (everybody), or a comma-separated list of addresses, CIDR ranges and the names loopback,
// linklocal and uniquelocal. Empty means false.
func ParseTrust(text string) (Trust, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "false", "f", "0":
		return Trust{}, nil
	case "true", "t", "1":
		return TrustEverybody(), nil
	}
	var t Trust
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		ranges := []string{entry}
		if named := trustNames[strings.ToLower(entry)]; named != nil {
			ranges = named
		}
		for _, one := range ranges {
			network, err := parseNetwork(one)
			if err != nil {
				return Trust{}, fmt.Errorf("trusted proxy %q is neither true, false, an address nor a CIDR range", entry)
			}
			t.networks = append(t.networks, network)
		}
	}
	return t, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if network, err := netip.ParsePrefix(text); err == nil {
		if address := network.Addr(); address.Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(address.Unmap(), network.Bits()-96)
		}
		return network.Masked(), nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), nil
}

// ClientIP is the address the request came from: walking from the connection back through X-Forwarded-For, right to left,
// the first one that is not trusted, or the last one there is. What is no address ends the walk: whoever wrote it is not to
// be believed.
func (t Trust) ClientIP(r *http.Request) string {
	peer := r.RemoteAddr
	if host, _, err := net.SplitHostPort(peer); err == nil {
		peer = host
	}
	if !t.everybody && len(t.networks) == 0 {
		return peer
	}
	current, err := netip.ParseAddr(peer)
	if err != nil {
		return peer
	}
	lines := r.Header["X-Forwarded-For"]
	if len(lines) == 0 && t.forwarded {
		lines = forwardedFor(r.Header["Forwarded"])
	}
	for i := len(lines) - 1; i >= 0; i-- {
		for line := lines[i]; line != ""; {
			if !t.believes(current) {
				return current.Unmap().String()
			}
			at := strings.LastIndexByte(line, ',')
			next, err := parseHop(line[at+1:])
			if err != nil {
				return current.Unmap().String()
			}
			current, line = next, line[:max(at, 0)]
		}
	}
	return current.Unmap().String()
}

// forwardedFor makes what Forwarded says look like X-Forwarded-For.
func forwardedFor(lines []string) []string {
	all := make([]string, 0, len(lines))
	for _, line := range lines {
		var hops []string
		for element := range strings.SplitSeq(line, ",") {
			hop := "unknown"
			for pair := range strings.SplitSeq(element, ";") {
				name, value, _ := strings.Cut(pair, "=")
				if strings.EqualFold(strings.TrimSpace(name), "for") {
					hop = strings.Trim(strings.TrimSpace(value), `"`)
				}
			}
			hops = append(hops, hop)
		}
		all = append(all, strings.Join(hops, ","))
	}
	return all
}

func (t Trust) believes(address netip.Addr) bool {
	if t.everybody {
		return true
	}
	address = address.Unmap().WithZone("")
	for _, network := range t.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// parseHop reads an entry of X-Forwarded-For: an address, to which some proxies add the port.
func parseHop(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	address, err := netip.ParseAddr(text)
	if err == nil {
		return address, nil
	}
	if withPort, portErr := netip.ParseAddrPort(text); portErr == nil {
		return withPort.Addr(), nil
	}
	if inside, ok := strings.CutPrefix(text, "["); ok {
		return netip.ParseAddr(strings.TrimSuffix(inside, "]"))
	}
	return netip.Addr{}, err
}
