//go:build unix

package sdk

import (
	"path/filepath"
	"testing"
	"time"
)

// TestGoExample builds the program as a module of its own and runs it.
func TestGoExample(t *testing.T) {
	t.Parallel()
	r := startShop(t)
	folder, built := example(t, "go"), filepath.Join(t.TempDir(), "shop")
	execute(t, folder, []string{"GOWORK=off"}, "go", "build", "-buildvcs=false", "-o", built, ".")
	app := launch(t, folder, []string{
		"UNLEASH_URL=" + r.URL() + "/", "UNLEASH_API_TOKEN=" + clientToken, "UNLEASH_APP_NAME=shop",
		"UNLEASH_REFRESH_SECONDS=0.2", "UNLEASH_METRICS_SECONDS=0.2", "TMPDIR=" + t.TempDir(),
	}, built)
	_, next := app.await(t, 0, "^alice: new-checkout is off$")
	app.await(t, 0, "^bob: new-checkout is off$")

	r.turn(t, exampleFlag, true)
	turned := time.Now()
	_, next = app.await(t, next, "^alice: new-checkout is on, green$")
	t.Logf("seen after %v", time.Since(turned))
	r.requireReported(t, "shop", "unleash-client-go:4.5.0")
	r.turn(t, exampleFlag, false)
	app.await(t, next, "^alice: new-checkout is off$")
	app.never(t, "bob: new-checkout is on")
}
