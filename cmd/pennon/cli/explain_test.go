package cli

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/client"
)

func TestNear(t *testing.T) {
	t.Parallel()
	names := []string{"checkout", "checkout-v2", "Hello", "search", "x"}
	for wanted, want := range map[string][]string{
		"chekout": {"checkout"}, "hello": {"Hello"}, "out": {"checkout", "checkout-v2"}, "nothing": nil, "y": nil, "": nil,
	} {
		require.Equal(t, want, near(wanted, names), wanted)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	refused := func(status int) error { return fmt.Errorf("wrapped: %w", &client.Error{Status: status}) }
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("other"), ExitFailed},
		{refused(401), ExitForbidden},
		{refused(403), ExitForbidden},
		{refused(404), ExitNotFound},
		{&missingError{noun: "flag", name: "x"}, ExitNotFound},
		{refused(400), ExitRefused},
		{refused(409), ExitRefused},
		{refused(429), ExitUnreachable},
		{refused(503), ExitUnreachable},
		{&url.Error{Op: "Get", URL: "http://x/api/admin", Err: errors.New("refused")}, ExitUnreachable},
	} {
		require.Equal(t, test.want, ExitCode(test.err), "%v", test.err)
	}
	require.Equal(t, "cannot reach http://x: refused\n  Is the server running there? Name another with --url or PENNON_URL.",
		Explain(&url.Error{Op: "Get", URL: "http://x/api/admin", Err: errors.New("refused")}))
}

func TestTable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a…", shorten("abc", 2))
	require.Equal(t, "a b [31m", clean("a\tb\x1b[31m"), "no escape sequence of a description reaches the terminal")
}
