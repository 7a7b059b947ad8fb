package system

import (
	"net"
)

// Tokens of the servers under test. They guard nothing: the servers hold generated flags and listen on loopback.
const (
	AdminToken  = "*:*.benchmark-admin-0123456789abcdef"
	ClientToken = "*:development.benchmark-client-0123456789abcdef"

	// FrontendToken is also the client key of the proxies, for which any text will do.
	FrontendToken = "*:development.benchmark-frontend-0123456789abcdef"
)

// Authorize is the header line that carries a token.
func Authorize(token string) string { return "Authorization: " + token }

// StartPennon starts the Pennon server on a database.
func StartPennon(binary, databaseURL, logs string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return Start(Command{
		Name: "pennon", Path: binary, Args: []string{"serve"}, Addr: addr, Log: logs,
		Env: []string{
			"DATABASE_URL=" + databaseURL, "HTTP_HOST=" + host, "HTTP_PORT=" + port,
			"INIT_ADMIN_API_TOKENS=" + AdminToken, "INIT_BACKEND_API_TOKENS=" + ClientToken,
			"INIT_FRONTEND_API_TOKENS=" + FrontendToken,
		},
	})
}
