package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrPrivate is returned for an address that only this machine's network can reach.
var ErrPrivate = errors.New("the address is private")

// refusePrivate is a net.Dialer's ControlContext: it is asked for every address that is about to be connected to, after its
// name was resolved.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	if !Public(at.Addr()) {
		return ErrPrivate
	}
	return nil
}

// special are the ranges of the IANA special-purpose registries (RFC 6890 and its updates) that netip does not know as
// private, loopback, link-local, multicast or unspecified.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // shared address space of carriers and clouds
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("64:ff9b:1::/48"),  // local NAT64
	netip.MustParsePrefix("100::/64"),        // discard
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("3fff::/20"),       // documentation
	netip.MustParsePrefix("5f00::/16"),       // segment routing
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4  = netip.MustParsePrefix("2002::/16")
	nat64At = 12 // where the IPv4 address is in the bytes of a NAT64 address
	sixAt   = 2  // and of a 6to4 address
)

// Public reports whether addr is reachable from anywhere, as opposed to one that means something in this network only.
// IPv6 addresses that stand for an IPv4 address are judged by that.
func Public(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() ||
		addr.IsMulticast() || addr.IsInterfaceLocalMulticast() {
		return false
	}
	if nat64.Contains(addr) {
		return Public(embedded(addr, nat64At))
	}
	if sixTo4.Contains(addr) {
		return Public(embedded(addr, sixAt))
	}
	for _, prefix := range special {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

func embedded(addr netip.Addr, at int) netip.Addr {
	bytes := addr.As16()
	return netip.AddrFrom4([4]byte(bytes[at : at+4]))
}
