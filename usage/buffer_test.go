package usage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestBuffer(t *testing.T) {
	t.Parallel()

	t.Run("MergesCountsOfOneHour", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		key := Key{Feature: "f", App: "a", Environment: "e", Hour: noon.Add(time.Minute)}
		buffer.Count(key, Count{Yes: 1, Variants: map[string]int64{"red": 1}})
		key.Hour = noon.Add(59 * time.Minute)
		buffer.Count(key, Count{Yes: 2, No: 3, Variants: map[string]int64{"red": 1, "blue": 4}})

		batch := buffer.Take()
		key.Hour = noon
		require.Equal(t, map[Key]Count{key: {Yes: 3, No: 3, Variants: map[string]int64{"red": 2, "blue": 4}}}, batch.Counts)
		require.True(t, buffer.Take().Empty())
	})

	t.Run("KeepsWhatAnInstanceSaidBefore", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		key := InstanceKey{App: "a", Environment: "e", ID: "1"}
		buffer.Seen(Instance{InstanceKey: key, SDKVersion: "sdk:1", Strategies: []string{"default"}, SeenAt: noon})
		buffer.Seen(Instance{InstanceKey: key, ClientIP: "::1", SeenAt: noon.Add(time.Second)})

		require.Equal(t, Instance{
			InstanceKey: key, SDKVersion: "sdk:1", Strategies: []string{"default"}, ClientIP: "::1", SeenAt: noon.Add(time.Second),
		}, buffer.Take().Instances[key])
	})

	t.Run("LosesNothingWhenABatchComesBack", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		key := Key{Feature: "f", App: "a", Environment: "e", Hour: noon}
		instance := InstanceKey{App: "a", Environment: "e", ID: "1"}
		buffer.Count(key, Count{Yes: 1})
		buffer.Seen(Instance{InstanceKey: instance, SDKVersion: "old", SeenAt: noon})
		undelivered := buffer.Take()
		buffer.Count(key, Count{Yes: 1})
		buffer.Seen(Instance{InstanceKey: instance, SDKVersion: "new", SeenAt: noon.Add(time.Second)})
		buffer.Return(undelivered)

		batch := buffer.Take()
		require.Equal(t, int64(2), batch.Counts[key].Yes)
		require.Equal(t, "new", batch.Instances[instance].SDKVersion)
	})

	t.Run("CountsWhatItDropsPastItsLimits", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		buffer.maxCounts, buffer.maxInstances = 1, 1
		buffer.Count(Key{Feature: "f", Hour: noon}, Count{Yes: 1})
		buffer.Count(Key{Feature: "g", Hour: noon}, Count{Yes: 1})
		buffer.Count(Key{Feature: "f", Hour: noon}, Count{Yes: 1})
		buffer.Seen(Instance{InstanceKey: InstanceKey{ID: "1"}})
		buffer.Seen(Instance{InstanceKey: InstanceKey{ID: "2"}})

		batch := buffer.Take()
		require.Equal(t, 2, batch.Dropped)
		require.Equal(t, map[Key]Count{{Feature: "f", Hour: noon}: {Yes: 2}}, batch.Counts)
		require.Len(t, batch.Instances, 1)
	})
}
