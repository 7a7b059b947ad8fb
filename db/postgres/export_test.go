package postgres

// For tests.
var (
	FreePort  = freePort
	Reachable = reachable
)
