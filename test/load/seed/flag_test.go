package seed_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
)

func TestFlagsAreTheSameEveryTimeAndAboutTheirStatedSize(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(seed.Flags(1000))
	require.NoError(t, err)
	again, err := json.Marshal(seed.Flags(1000))
	require.NoError(t, err)
	require.Equal(t, string(body), string(again))
	require.InDelta(t, 800_000, len(body), 100_000)
}

func TestDeltaOfAMarkedFlagIsReadBackByTheSwarm(t *testing.T) {
	t.Parallel()
	flag := seed.MarkedFlags(1)[0]
	flag.Strategies[0].Parameters["groupId"] = swarm.MarkPrefix + "12"
	frame, err := seed.Delta(34, flag)
	require.NoError(t, err)
	require.InDelta(t, 500, len(frame), 100)
	_, data, _ := bytes.Cut(frame, []byte("data: "))
	updates, err := swarm.ParseUpdates(data)
	require.NoError(t, err)
	require.Equal(t, []swarm.Update{{Type: "feature-updated", EventID: 34, Flag: "marked-000", Change: 12}}, updates)
}
