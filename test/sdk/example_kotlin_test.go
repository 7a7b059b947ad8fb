//go:build unix

package sdk

import (
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKotlinExample builds the service with its own toolchain and runs it once with pushed flags, when it would not ask again
// for an hour, and once polling.
func TestKotlinExample(t *testing.T) {
	t.Parallel()
	r := startShop(t)
	r.admin(t, http.MethodPost, "/projects/default/features/"+exampleFlag+"/environments/development/strategies", strategy{
		Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "stickiness": "tenantId", "groupId": "tenants"},
		Constraints: []map[string]any{
			{"contextName": "tenantId", "operator": "IN", "values": []string{"acme"}},
			{"contextName": "role", "operator": "STR_STARTS_WITH", "values": []string{"adm"}},
			{"contextName": "region", "operator": "NOT_IN", "values": []string{"us"}},
		},
		Variants: []map[string]any{{"name": "blue", "weight": 1000, "weightType": "variable", "stickiness": "tenantId"}},
	})
	folder := kotlinExample(t)

	for mode, refresh := range map[string]string{"streaming": "3600", "polling": "1"} {
		app := launch(t, folder, []string{
			"PORT=0", "UNLEASH_URL=" + r.URL(), "UNLEASH_API_TOKEN=" + clientToken, "UNLEASH_APP_NAME=shop-" + mode, "UNLEASH_MODE=" + mode,
			"UNLEASH_REFRESH_SECONDS=" + refresh, "UNLEASH_METRICS_SECONDS=1",
		}, "java", "-Djava.io.tmpdir="+t.TempDir(), "-XX:TieredStopAtLevel=1", "-jar", "target/shop.jar")
		address, _ := app.await(t, 0, `listening on (http://\S+)`)
		checkout := func(caller map[string]string) string { return checkout(t, address, caller) }
		gold := map[string]string{"X-Plan": "gold"}

		require.Equal(t, "new-checkout is off\n", checkout(gold))
		r.turn(t, exampleFlag, true)
		turned := time.Now()
		require.Eventually(t, func() bool { return checkout(gold) == "new-checkout is on, green\n" }, patience, time.Millisecond)
		t.Logf("%s: seen after %v", mode, time.Since(turned))
		require.Equal(t, "new-checkout is on, blue\n", checkout(map[string]string{"X-Tenant-Id": "acme", "X-Role": "admin", "X-Region": "eu"}))
		for _, other := range []map[string]string{
			{},
			{"X-Plan": "lead"},
			{"X-Tenant-Id": "other", "X-Role": "admin", "X-Region": "eu"},
			{"X-Tenant-Id": "acme", "X-Role": "user", "X-Region": "eu"},
			{"X-Tenant-Id": "acme", "X-Role": "admin", "X-Region": "us"},
		} {
			require.Equal(t, "new-checkout is off\n", checkout(other), other)
		}
		r.requireReported(t, "shop-"+mode, "unleash-java-sdk:12.2.3")

		r.turn(t, exampleFlag, false)
		require.Eventually(t, func() bool { return checkout(gold) == "new-checkout is off\n" }, patience, time.Millisecond)
	}
}

// kotlinExample builds the example, and answers its folder.
func kotlinExample(t *testing.T) string {
	t.Helper()
	folder := example(t, "kotlin")
	makeOnce(t, folder, []string{"target", ".make.lock", "README.md"}, filepath.Join(folder, "target", ".sources.sha256"), func() {
		execute(t, folder, nil, "mvn", "--batch-mode", "--quiet", "-Dmaven.repo.local="+cache(t, "m2"), "clean", "package")
	})
	return folder
}

// checkout asks the service as a gateway would, with what it knows about the caller.
func checkout(t *testing.T, address string, caller map[string]string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/checkout", nil)
	require.NoError(t, err)
	for name, value := range caller {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(text)
}
