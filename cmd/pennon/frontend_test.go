package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/server"
)

func TestFrontendOptions(t *testing.T) {
	t.Parallel()
	options := frontendOptions{Origins: []string{"*"}, CORSMaxAge: 60, TrustProxy: "loopback", Keys: []string{"a=b=production", "k=development"}}
	var config server.Config
	require.NoError(t, options.apply(&config))
	require.Equal(t, map[string]string{"a=b": "production", "k": "development"}, config.ProxyKeys)
	require.Equal(t, time.Minute, config.CORSMaxAge)

	for _, key := range []string{"secret", "secret=", "=production"} {
		options.Keys = []string{key}
		err := options.apply(&config)
		require.ErrorIs(t, err, errKeyWithoutEnvironment)
		require.NotContains(t, err.Error(), "secret")
	}
	options.Keys, options.TrustProxy = nil, "somebody"
	require.ErrorContains(t, options.apply(&config), "--trust-proxy")
}
