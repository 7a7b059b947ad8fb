package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/server"
)

// frontendOptions are about browsers and apps, and whoever stands between them and the server.
type frontendOptions struct {
	Origins    []string `name:"frontend-api-origins" env:"UNLEASH_FRONTEND_API_ORIGINS" default:"*" placeholder:"ORIGIN" help:"Web origins that may use the frontend API, until others are set through the Admin API: * for all, https://example.com, https://*.example.com."`
	CORSMaxAge int      `name:"access-control-max-age" env:"ACCESS_CONTROL_MAX_AGE" default:"86400" help:"Seconds for which browsers may remember that an origin is allowed."`
	All        bool     `name:"enable-all-endpoint" env:"ENABLE_ALL_ENDPOINT" help:"Serve /api/frontend/all and /proxy/all, which tell browsers the names of flags that are off."`
	Keys       []string `name:"proxy-client-keys" env:"UNLEASH_PROXY_CLIENT_KEYS,UNLEASH_PROXY_SECRETS" placeholder:"KEY=ENVIRONMENT" help:"Client keys of a legacy Unleash Proxy that /proxy accepts beside frontend tokens, each with the environment whose flags it sees."`
	KeyHeader  string   `name:"client-key-header-name" env:"CLIENT_KEY_HEADER_NAME" default:"Authorization" help:"Header that carries the key to /proxy."`
	TrustProxy string   `name:"trust-proxy" env:"TRUST_PROXY" default:"false" help:"Whose X-Forwarded-For is believed: false (nobody's), true (everybody's), or a list of addresses, CIDR ranges, loopback, linklocal and uniquelocal."`
}

// apply puts the options into config.
func (o frontendOptions) apply(config *server.Config) error {
	trust, err := api.ParseTrust(o.TrustProxy)
	if err != nil {
		return fmt.Errorf("--trust-proxy: %w", err)
	}
	config.TrustProxy = trust
	config.FrontendOrigins = o.Origins
	config.CORSMaxAge = time.Duration(o.CORSMaxAge) * time.Second
	config.FrontendAll = o.All
	config.ProxyKeyHeader = o.KeyHeader
	config.ProxyKeys = make(map[string]string, len(o.Keys))
	for _, pair := range o.Keys {
		at := strings.LastIndexByte(pair, '=') // keys may contain one themselves
		if at <= 0 || at == len(pair)-1 {
			return errKeyWithoutEnvironment // the key is a secret: it is not quoted
		}
		config.ProxyKeys[pair[:at]] = pair[at+1:]
	}
	return nil
}

var errKeyWithoutEnvironment = errors.New("--proxy-client-keys: each key needs the environment whose flags it sees, as key=environment")
