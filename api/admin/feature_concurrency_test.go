package admin_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// together sends requests at the same time and returns their statuses.
func (s *server) together(requests ...[3]string) []int {
	statuses := make([]int, len(requests))
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i, r := range requests {
		wait.Go(func() {
			<-start
			statuses[i] = s.call(r[0], r[1], r[2]).Code
		})
	}
	close(start)
	wait.Wait()
	return statuses
}

func TestConcurrentWritersOfOneFlag(t *testing.T) {
	t.Parallel()
	s := newServer(t)

	t.Run("DisablingTheLastTwoStrategiesTurnsTheEnvironmentOff", func(t *testing.T) {
		s.must(t, http.MethodPost, fs, `{"name":"f1"}`)
		ids := [2]string{}
		for i := range ids {
			s.must(t, http.MethodPost, dev+"/strategies", `{"name":"default","title":"`+fmt.Sprint(i)+`"}`)
			require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT id FROM feature_strategies WHERE title = $1`, fmt.Sprint(i)).Scan(&ids[i]))
		}
		for range 10 {
			s.must(t, http.MethodPost, dev+"/on?shouldActivateDisabledStrategies=true", "")
			statuses := s.together(
				[3]string{"PATCH", dev + "/strategies/" + ids[0], `[{"op":"replace","path":"/disabled","value":true}]`},
				[3]string{"PATCH", dev + "/strategies/" + ids[1], `[{"op":"replace","path":"/disabled","value":true}]`},
			)
			require.Equal(t, []int{200, 200}, statuses)
			require.Contains(t, s.must(t, http.MethodGet, dev, ""), `"enabled":false,"strategies":[`)
		}
	})

	t.Run("TurningOnTogetherAddsOneStrategy", func(t *testing.T) {
		requests := make([][3]string, 8)
		for i := range requests {
			requests[i] = [3]string{"POST", prod + "/on", ""}
		}
		require.Equal(t, []int{200, 200, 200, 200, 200, 200, 200, 200}, s.together(requests...))
		var strategies, enabled int
		require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT count(*), (SELECT count(*) FROM events WHERE type = 'feature-environment-enabled' AND environment = 'production')
			FROM feature_strategies WHERE environment = 'production'`).Scan(&strategies, &enabled))
		require.Equal(t, 1, strategies)
		require.Equal(t, 1, enabled)
	})

	t.Run("OneNameIsTakenOnce", func(t *testing.T) {
		for i := range 10 {
			body := fmt.Sprintf(`{"name":"race%d"}`, i)
			statuses := s.together([3]string{"POST", fs, body}, [3]string{"POST", fs, body})
			require.ElementsMatch(t, []int{201, 409}, statuses)
		}
	})

	t.Run("DependenciesStayOneLevelDeep", func(t *testing.T) {
		for i := range 10 {
			one, two := fmt.Sprintf("race%d", i), fmt.Sprintf("race%d", (i+1)%10)
			s.together(
				[3]string{"POST", fs + "/" + one + "/dependencies", `{"feature":"` + two + `"}`},
				[3]string{"POST", fs + "/" + two + "/dependencies", `{"feature":"` + one + `"}`},
			)
		}
		var deep int
		require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT count(*) FROM feature_dependencies a JOIN feature_dependencies b ON b.child = a.parent`).Scan(&deep))
		require.Zero(t, deep)
	})

	t.Run("BatchesInAnyOrderNeverDeadlock", func(t *testing.T) {
		forth, back := `{"features":["f1","race1","race2","race3"]`, `{"features":["race3","race2","race1","f1"]`
		for range 10 {
			statuses := s.together(
				[3]string{"POST", p + "/stale", forth + `,"stale":true}`},
				[3]string{"POST", p + "/stale", back + `,"stale":false}`},
				[3]string{"POST", p + "/bulk_features/environments/development/on", back + `}`},
				[3]string{"POST", p + "/bulk_features/environments/development/off", forth + `}`},
			)
			require.Equal(t, []int{202, 202, 200, 200}, statuses)
		}
	})
	require.Empty(t, s.log.String(), "nothing may fail inside")
}
