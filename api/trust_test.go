package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
)

func TestTrustFindsTheClient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trust, peer string
		forwarded   []string
		want        string
	}{
		"nobody is believed":              {"", "10.0.0.1:80", []string{"1.2.3.4"}, "10.0.0.1"},
		"false is nobody":                 {"false", "10.0.0.1:80", []string{"1.2.3.4"}, "10.0.0.1"},
		"true takes the left-most":        {"true", "10.0.0.1:80", []string{"10.1.2.3, 10.9.9.9"}, "10.1.2.3"},
		"true without a header":           {"TRUE", "10.0.0.1:80", nil, "10.0.0.1"},
		"what is no address ends it":      {"true", "10.0.0.1:80", []string{"spoofed, 10.9.9.9"}, "10.9.9.9"},
		"nonsense leaves the peer":        {"true", "10.0.0.1:80", []string{"unknown"}, "10.0.0.1"},
		"the last untrusted hop":          {"127.0.0.1", "127.0.0.1:80", []string{"10.9.9.9, 10.1.2.3"}, "10.1.2.3"},
		"a spoofed first hop is no help":  {"127.0.0.1", "127.0.0.1:80", []string{"10.1.2.3, 10.9.9.9"}, "10.9.9.9"},
		"ranges":                          {"127.0.0.1,10.0.0.0/8", "127.0.0.1:80", []string{"1.1.1.1, 2.2.2.2, 10.9.9.9"}, "2.2.2.2"},
		"all hops trusted":                {"loopback, 10.0.0.0/8", "127.0.0.1:80", []string{"10.1.1.1, 10.9.9.9"}, "10.1.1.1"},
		"an untrusted peer is the client": {"10.0.0.0/8", "1.1.1.1:80", []string{"10.1.2.3"}, "1.1.1.1"},
		"several header lines":            {"uniquelocal", "192.168.1.1:80", []string{"9.9.9.9", "8.8.8.8, 10.0.0.1"}, "8.8.8.8"},
		"ports are cut off":               {"true", "[::1]:80", []string{"1.2.3.4:5678"}, "1.2.3.4"},
		"IPv6 with a port":                {"true", "[::1]:80", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"IPv6 in brackets":                {"linklocal, ::1", "[::1]:80", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv4 in IPv6":                    {"127.0.0.0/8", "[::ffff:127.0.0.1]:80", []string{"1.2.3.4"}, "1.2.3.4"},
		"a mapped range":                  {"::ffff:10.0.0.0/104", "10.0.0.1:80", []string{"1.2.3.4"}, "1.2.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trust, err := api.ParseTrust(test.trust)
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = test.peer
			r.Header["X-Forwarded-For"] = test.forwarded
			require.Equal(t, test.want, trust.ClientIP(r))
		})
	}
}

func TestForwardedCountsWhereItIsAskedForAndThereIsNothingElse(t *testing.T) {
	t.Parallel()
	trust, err := api.ParseTrust("10.0.0.0/8")
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:80"
	r.Header["Forwarded"] = []string{`for=1.2.3.4;proto=https, For="[2001:db8::17]:4711"; by=10.0.0.9`, "for=10.0.0.2"}
	require.Equal(t, "10.0.0.1", trust.ClientIP(r))
	trust = trust.WithForwarded()
	require.Equal(t, "2001:db8::17", trust.ClientIP(r))
	r.Header["Forwarded"] = []string{"for=1.2.3.4, for=unknown, for=10.0.0.2"}
	require.Equal(t, "10.0.0.2", trust.ClientIP(r))
	r.Header["Forwarded"] = []string{"proto=https"}
	require.Equal(t, "10.0.0.1", trust.ClientIP(r))
	r.Header.Set("X-Forwarded-For", "9.9.9.9")
	r.Header["Forwarded"] = []string{"for=1.2.3.4"}
	require.Equal(t, "9.9.9.9", trust.ClientIP(r))
}

func TestParseTrustRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"yes", "10.0.0.1/33", "10.0.0.1,example.com"} {
		_, err := api.ParseTrust(text)
		require.ErrorContains(t, err, "trusted proxy", text)
	}
}
