package eval_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

func TestContextFromQuery(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for query, want := range map[string]eval.Context{
		"":                                      {},
		"userId=7&sessionId=s&appName=x":        {UserID: "7", SessionID: "s", AppName: "x"},
		"remoteAddress=1.2.3.4&environment=dev": {RemoteAddress: "1.2.3.4", Environment: "dev"},
		"userId=a%20b+c%2B":                     {UserID: "a b c+"},
		"properties[foo]=bar&custom=1":          {Properties: map[string]string{"foo": "bar", "custom": "1"}},
		"properties%5Bregion%5D=Africa":         {Properties: map[string]string{"region": "Africa"}},
		"region=flat&properties[region]=nested": {Properties: map[string]string{"region": "nested"}},
		"properties[region]=nested&region=flat": {Properties: map[string]string{"region": "nested"}},
		"properties[empty]=":                    {Properties: map[string]string{"empty": ""}},
		"properties[a][b]=1&a[b]=2":             {},
		"properties[]=1&properties=2&=3&[=4":    {},
		"properties[userId]=7":                  {Properties: map[string]string{"userId": "7"}},
		"userId=%zz&%zz=1&sessionId=s":          {SessionID: "s"},
		"userId&&sessionId=":                    {},
		"namePrefix=a&tag=b:c&userId=1":         {UserID: "1"},
	} {
		var c eval.Context
		c.SetQuery(query, "namePrefix", "tag")
		require.Equal(t, want, c, query)
	}

	var c eval.Context
	c.SetQuery("currentTime=" + url.QueryEscape(at.Format(time.RFC3339)))
	require.True(t, at.Equal(c.CurrentTime))
}

// Not parallel: AllocsPerRun counts what the whole process allocates.
func TestContextFromQueryCopiesNoPlainText(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() {
		var c eval.Context
		c.SetQuery("userId=7&sessionId=3c1f&appName=web&environment=default&remoteAddress=10.0.0.1")
	}))
}
