package client

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/replica"
)

func TestDeltaHydratesThoseWhoHoldNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	want := `{"events":[{"eventId":46,"type":"hydration","segments":[` + goldenSegment + `],"features":[` +
		goldenC2 + `,` + goldenF1 + `,` + goldenF2 + `,` + goldenParent + `]}]}`
	for name, tag := range map[string]string{
		"nothing": "", "nonsense": `"abc"`, "any": "*", "too old": `"39"`, "ahead": `"999999"`, "another mark": `"45-00000bad"`,
	} {
		w := s.get(t, "/api/client/delta", "default", "If-None-Match", tag)
		require.Equal(t, http.StatusOK, w.Code, name)
		require.JSONEq(t, want, w.Body.String(), name)
		require.Equal(t, `"46-00000def"`, w.Header().Get("ETag"), name)
	}
}

func TestDeltaSendsWhatHasChanged(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/delta", "default", "If-None-Match", `"45-00000abc"`).Code,
		"what came after is not in the scope")
	w := s.get(t, "/api/client/delta", "all", "If-None-Match", `W/"45-00000abc"`)
	require.JSONEq(t, `{"events":[{"type":"segment-updated","eventId":46,"segment":{"id":1,"name":"seg1","constraints":[{"contextName":"userId","operator":"IN","values":["9"]}]}},
		{"type":"feature-updated","eventId":46,"feature":{"name":"secret","type":"release","enabled":false,"project":"p2","stale":false,
		"strategies":[{"name":"default","constraints":[],"parameters":{},"variants":[],"segments":[1]}],"variants":[],"description":null,"impressionData":false}}]}`,
		w.Body.String())

	s.touch("f2", "default", 50, 0x1234)
	s.touch("secret", "p2", 51, 0x5678)
	w = s.get(t, "/api/client/delta", "default", "If-None-Match", `"46"`)
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"events":[{"type":"feature-updated","eventId":51,"feature":{"name":"f2","type":"release","enabled":false,"project":"default",
		"stale":false,"strategies":[],"variants":[],"description":"changed","impressionData":false}}]}`, w.Body.String())
	require.Equal(t, `"51-00005678"`, w.Header().Get("ETag"))
	w = s.get(t, "/api/client/delta", "default", "If-None-Match", w.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, w.Code)
	require.Equal(t, `"51-00005678"`, w.Header().Get("ETag"))
	require.Empty(t, w.Body.Bytes())

	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/delta?namePrefix=c", "default", "If-None-Match", `"46"`).Code)
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/delta?project=p9", "all", "If-None-Match", `"46"`).Code)
}

func TestDeltaTalksToEdgesInNumbers(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	for _, header := range [][]string{{"Unleash-Sdk-Type", "edge"}, {"User-Agent", "unleash-edge-20.4.1"}} {
		require.Equal(t, `"46"`, s.get(t, "/api/client/delta", "default", header...).Header().Get("ETag"))
		w := s.get(t, "/api/client/delta", "default", append(header, "If-None-Match", `"46"`)...)
		require.Equal(t, http.StatusNotModified, w.Code)
		require.Equal(t, `"46"`, w.Header().Get("ETag"))
	}
}

func TestDeltaHydratesAfterTheTokenHasChanged(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	s.store.Apply(replica.Delta{Rows: []replica.Row{{Revision: 60, Mark: 6, Kind: replica.KindToken, Entity: "1"}}})
	w := s.get(t, "/api/client/delta", "default", "If-None-Match", `"46-00000def"`)
	require.Contains(t, w.Body.String(), `"hydration"`)
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/delta", "default", "If-None-Match", w.Header().Get("ETag")).Code)
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/delta", "two", "If-None-Match", `"46-00000def"`).Code, "others go on")
}
