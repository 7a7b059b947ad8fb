package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// uncalled are operations that the run below does not call, and why. It may only hold what cannot be called like that.
var uncalled = map[string]string{
	"streamFeaturesWebSocket":         "answers by changing the protocol; push_test.go reads it",
	"linkEdge":                        "answers by changing the protocol; link_test.go reads it",
	"streamFrontendFeaturesWebSocket": "answers by changing the protocol; api/frontend's tests read it",
}

// TestEveryOperationAnswersInTheShapeOfUnleash calls every operation of the document with real data. What is sent fits
// Unleash's request, and every answer is a success that fits Unleash's answer and the document.
func TestEveryOperationAnswersInTheShapeOfUnleash(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	r := start(t, database, func(c *server.Config) {
		c.ClientTokens = []string{clientToken, productionToken}
		c.AllowPrivateIntegrationURLs, c.FrontendAll = true, true
	})
	c := newCaller(t, r, database)
	c.vocabulary()
	c.places()
	c.flags()
	c.values()
	c.companions()
	c.integrations()
	c.interfaces()
	c.reports()
	c.reading()
	c.browsers()
	c.bulk()
	c.transfer()
	c.taking()
	c.reading()
	c.instance()

	require.Empty(t, c.found.list)
	for id, o := range c.operations {
		if uncalled[id] == "" {
			require.Positive(t, c.called[id], "%s %s (%s) is not called here", o.method, o.path, id)
		} else {
			require.Zero(t, c.called[id], "%s is called: it needs no exception", id)
		}
	}
}
