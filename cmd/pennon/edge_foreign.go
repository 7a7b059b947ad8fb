package main

import (
	"errors"
	"fmt"
	"log/slog"
)

// edgeForeign are options of Unleash Edge that have no meaning here. They are understood so that nobody has to wonder why
// they do nothing: where something would be missing without them the edge does not start, else it says what to use instead.
type edgeForeign struct {
	Workers        string `name:"workers" short:"w" env:"WORKERS" hidden:""`
	RequestTimeout string `name:"edge-request-timeout" env:"EDGE_REQUEST_TIMEOUT" hidden:""`
	KeepAlive      string `name:"edge-keepalive-timeout" env:"EDGE_KEEPALIVE_TIMEOUT" hidden:""`
	Defer          string `name:"edge-defer-token-validation" env:"EDGE_DEFER_TOKEN_VALIDATION" hidden:""`
	Sentry         string `name:"sentry-dsn" env:"SENTRY_DSN" hidden:""`
	SentryRate     string `name:"sentry-tracing-rate" env:"SENTRY_TRACING_RATE" hidden:""`
	SentryDebug    string `name:"sentry-debug" env:"SENTRY_DEBUG" hidden:""`
	SentryLogs     string `name:"sentry-enable-logs" env:"SENTRY_ENABLE_LOGS" hidden:""`
	Datadog        string `name:"datadog-url" env:"DATADOG_URL" hidden:""`
	OTel           string `name:"otel-exporter-otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" hidden:""`
	OTelProtocol   string `name:"otel-exporter-otlp-protocol" env:"OTEL_EXPORTER_OTLP_PROTOCOL" hidden:""`
	RemoteWrite    string `name:"prometheus-remote-write-url" env:"PROMETHEUS_REMOTE_WRITE_URL" hidden:""`
	PushInterval   string `name:"prometheus-push-interval" env:"PROMETHEUS_PUSH_INTERVAL" hidden:""`
	PushUser       string `name:"prometheus-username" env:"PROMETHEUS_USERNAME" hidden:""`
	PushPassword   string `name:"prometheus-password" env:"PROMETHEUS_PASSWORD" hidden:""`
	PushUserID     string `name:"prometheus-user-id" env:"PROMETHEUS_USER_ID" hidden:""`
	ClientID       string `name:"client-id" env:"CLIENT_ID" hidden:""`
	Consumption    string `name:"consumption" env:"CONSUMPTION" hidden:""`
	Hostname       string `name:"hostname" env:"EDGE_HOSTNAME" hidden:""`
	EC2            string `name:"ec2-instance-id" env:"EC2_INSTANCE_ID" hidden:""`

	ClientSecret string `name:"unleash-client-secret" env:"UNLEASH_CLIENT_SECRET" hidden:""`
	Environments string `name:"desired-environments" env:"DESIRED_ENVIRONMENTS" hidden:""`
	Projects     string `name:"desired-projects" env:"DESIRED_PROJECTS" hidden:""`
}

// check fails when something asked for is not there, and warns of what does nothing.
func (o edgeForeign) check(logger *slog.Logger) error {
	const (
		secret      = "tokens are not issued by a client secret here: give backend tokens in --tokens (TOKENS)"
		logs        = "errors are in the log"
		scrape      = "let Prometheus scrape /internal-backstage/metrics"
		unneeded    = "it does nothing here and can be left out"
		streamLimit = "requests have time limits of their own here"
	)
	var missing []error
	for _, option := range []struct{ value, name, instead string }{
		{o.ClientSecret, "--unleash-client-secret", secret},
		{o.Environments, "--desired-environments", secret},
		{o.Projects, "--desired-projects", secret},
	} {
		if option.value != "" {
			missing = append(missing, fmt.Errorf("%s: %s", option.name, option.instead))
		}
	}
	for _, option := range []struct{ value, name, instead string }{
		{o.Workers, "--workers", unneeded},
		{o.RequestTimeout, "--edge-request-timeout", streamLimit},
		{o.KeepAlive, "--edge-keepalive-timeout", streamLimit},
		{o.Defer, "EDGE_DEFER_TOKEN_VALIDATION", unneeded},
		{o.Sentry, "--sentry-dsn", logs},
		{o.SentryRate, "--sentry-tracing-rate", logs},
		{o.SentryDebug, "--sentry-debug", logs},
		{o.SentryLogs, "--sentry-enable-logs", logs},
		{o.Datadog, "--datadog-url", scrape},
		{o.OTel, "--otel-exporter-otlp-endpoint", scrape},
		{o.OTelProtocol, "--otel-exporter-otlp-protocol", scrape},
		{o.RemoteWrite, "--prometheus-remote-write-url", scrape},
		{o.PushInterval, "--prometheus-push-interval", scrape},
		{o.PushUser, "--prometheus-username", scrape},
		{o.PushPassword, "--prometheus-password", scrape},
		{o.PushUserID, "--prometheus-user-id", scrape},
		{o.ClientID, "--client-id", unneeded},
		{o.Consumption, "--consumption", unneeded},
		{o.Hostname, "--hostname", unneeded},
		{o.EC2, "--ec2-instance-id", unneeded},
	} {
		if option.value != "" {
			logger.Warn("this option of Unleash Edge has no effect", "component", "edge", "option", option.name, "instead", option.instead)
		}
	}
	return errors.Join(missing...)
}
