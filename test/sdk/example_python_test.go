//go:build unix

package sdk

import (
	"path/filepath"
	"testing"
	"time"
)

// TestPythonExample runs the program in an environment of its own, once with pushed flags, and once polling.
func TestPythonExample(t *testing.T) {
	t.Parallel()
	r := startShop(t)
	folder, python := example(t, "python"), pythonExample(t)

	for mode, refresh := range map[string]string{"streaming": "3600", "polling": "1"} {
		app := launch(t, folder, []string{
			"UNLEASH_URL=" + r.URL() + "/", "UNLEASH_API_TOKEN=" + clientToken, "UNLEASH_APP_NAME=shop-" + mode, "UNLEASH_MODE=" + mode,
			"UNLEASH_REFRESH_SECONDS=" + refresh, "UNLEASH_METRICS_SECONDS=1", "XDG_CACHE_HOME=" + t.TempDir(),
		}, python, "shop.py")
		_, next := app.await(t, 0, "^alice: new-checkout is off$")
		app.await(t, 0, "^bob: new-checkout is off$")

		r.turn(t, exampleFlag, true)
		turned := time.Now()
		_, next = app.await(t, next, "^alice: new-checkout is on, green$")
		t.Logf("%s: seen after %v", mode, time.Since(turned))
		r.requireReported(t, "shop-"+mode, "unleash-python-sdk:6.9.1")
		r.turn(t, exampleFlag, false)
		app.await(t, next, "^alice: new-checkout is off$")
		app.never(t, "bob: new-checkout is on")
	}
}

// pythonExample installs what the example needs, and answers its Python.
func pythonExample(t *testing.T) string {
	t.Helper()
	folder := example(t, "python")
	environment := filepath.Join(folder, ".venv")
	python := filepath.Join(environment, "bin", "python")
	makeOnce(t, folder, []string{".venv", ".make.lock", "__pycache__", "README.md", "shop.py"}, filepath.Join(environment, ".sources.sha256"), func() {
		execute(t, folder, nil, "python3", "-m", "venv", "--clear", environment)
		execute(t, folder, nil, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--cache-dir", cache(t, "pip"), "-r", "requirements.txt")
	})
	return python
}
