package edge

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/usage"
)

func TestForwarderPassesImpactMetricsOn(t *testing.T) {
	t.Parallel()
	labels := usage.LabelsOf(map[string]string{"appName": "shop", "environment": "production"})
	for _, form := range []Form{Bulk, Application} {
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusServiceUnavailable}
			buffer, _ := forward(t, form, at)
			measure := func() {
				buffer.Measure(usage.Series{Environment: "production", Name: "n", Labels: labels}, usage.Measurement{Kind: usage.Counter, Help: "h", Value: 1.5})
			}
			measure()
			buffer.Measure(usage.Series{Environment: "production", Name: "l", Labels: labels}, usage.Measurement{
				Kind: usage.Histogram, Count: 2, Sum: 3, Buckets: []usage.Bucket{{UpTo: 1, Count: 1}, {UpTo: math.Inf(1), Count: 2}},
			})
			advance(DefaultMetricsInterval + time.Second)
			measure()
			at.set(http.StatusAccepted)
			advance(time.Hour)
			require.Len(t, at.taken(), 2, "the one that was refused keeps its content")
			require.Equal(t, []string{"*:production.p", "*:production.p"}, at.secrets)
			var metrics []string
			for _, taken := range at.taken() {
				var body struct {
					Bucket        *bucketSchema
					ImpactMetrics []json.RawMessage
				}
				require.NoError(t, json.Unmarshal(taken, &body))
				require.Nil(t, body.Bucket)
				for _, m := range body.ImpactMetrics {
					metrics = append(metrics, string(m))
				}
			}
			require.ElementsMatch(t, []string{
				`{"name":"n","help":"h","type":"counter","samples":[{"labels":{"appName":"shop","environment":"production"},"value":1.5}]}`,
				`{"name":"n","help":"h","type":"counter","samples":[{"labels":{"appName":"shop","environment":"production"},"value":1.5}]}`,
				`{"name":"l","help":"","type":"histogram","samples":[{"labels":{"appName":"shop","environment":"production"},"count":2,"sum":3,"buckets":[{"le":1,"count":1},{"le":"+Inf","count":2}]}]}`,
			}, metrics)
		})
	}
}

func TestForwarderKeepsReportsOfManySeriesSmall(t *testing.T) {
	t.Parallel()
	for _, form := range []Form{Bulk, Application} {
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted}
			buffer, _ := forward(t, form, at)
			for i := range 3000 {
				buffer.Measure(usage.Series{Environment: "production", Name: "n", Labels: usage.LabelsOf(map[string]string{"i": strconv.Itoa(i)})},
					usage.Measurement{Kind: usage.Gauge, Value: 1})
			}
			advance(DefaultMetricsInterval + time.Second)
			require.Greater(t, len(at.taken()), 1)
			for _, body := range at.taken() {
				require.LessOrEqual(t, len(body), maxReport)
			}
			require.True(t, buffer.Take().Empty())
		})
	}
}
