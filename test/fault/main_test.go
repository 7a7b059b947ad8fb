//go:build unix

// Package fault breaks what is between a server and its clients, and the server and the edges themselves, while flags are being
// changed, and looks at every answer that clients get meanwhile.
//
// The world of a test is real: servers and edges are processes of their own (role_test.go), which can be killed and frozen;
// Toxiproxy stands between server and edge and between edge and edge; PostgreSQL is replaced by an older copy; behind each of
// two edges in a row one client streams, one polls and one is a browser. After each fault they have to converge to what SQL
// says; how long that takes from the end of the fault is what `make faults` publishes in docs/operating.md.
package fault

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/pennonhq/pennon/db/dbtest"
)

var (
	long   = flag.Bool("faults.long", false, "longer outages, and faults that take minutes")
	report = flag.String("faults.report", "", "Markdown file whose table of convergence times is written")
)

const (
	adminToken    = "*:*.fault-admin"
	clientToken   = "*:development.fault-client"
	frontendToken = "*:development.fault-frontend"

	// patience is how long convergence may take; it is generous, as what counts are the figures.
	patience = 2 * time.Minute

	// pollInterval is how often a test or a polling client looks again.
	pollInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		os.Exit(play(text))
	}
	code := dbtest.Run(m)
	os.Exit(code)
}

// outage is how long a fault lasts.
func outage() time.Duration {
	if *long {
		return 5 * time.Second
	}
	return 400 * time.Millisecond
}
