package edge

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/pennonhq/pennon/usage"
)

// metricsBatchSchema is the answer of /internal-backstage/metricsbatch: what waits to be sent upstream.
type metricsBatchSchema struct {
	Applications []applicationSchema  `json:"applications"`
	Metrics      []metricsEntrySchema `json:"metrics"`
}

type metricsEntrySchema struct {
	Key    metricsKeySchema    `json:"key"`
	Bucket metricsBucketSchema `json:"bucket"`
}

type metricsBucketSchema struct {
	bulkCountSchema

	Variants map[string]int64 `json:"variants"` // never left out
}

type metricsKeySchema struct {
	App         string    `json:"app_name"`
	Feature     string    `json:"feature_name"`
	Environment string    `json:"environment"`
	Timestamp   time.Time `json:"timestamp"`
}

func (s *surface) backstageBatch(w http.ResponseWriter, _ *http.Request) {
	pending := s.pending()
	answer := metricsBatchSchema{Applications: []applicationSchema{}, Metrics: make([]metricsEntrySchema, 0, len(pending.Counts))}
	for _, key := range slices.SortedFunc(maps.Keys(pending.Instances), func(a, b usage.InstanceKey) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.ID, b.ID))
	}) {
		answer.Applications = append(answer.Applications, applicationOf(pending.Instances[key]))
	}
	for _, key := range slices.SortedFunc(maps.Keys(pending.Counts), func(a, b usage.Key) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Environment, b.Environment), a.Hour.Compare(b.Hour))
	}) {
		count := pending.Counts[key]
		if count.Variants == nil {
			count.Variants = map[string]int64{}
		}
		answer.Metrics = append(answer.Metrics, metricsEntrySchema{
			Key: metricsKeySchema{App: key.App, Feature: key.Feature, Environment: key.Environment, Timestamp: key.Hour},
			Bucket: metricsBucketSchema{bulkCountSchema{
				FeatureName: key.Feature, AppName: key.App, Environment: key.Environment, Timestamp: key.Hour, Yes: count.Yes, No: count.No,
			}, count.Variants},
		})
	}
	writeBackstage(w, http.StatusOK, answer)
}
