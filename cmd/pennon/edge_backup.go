package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pennonhq/pennon/edge/storage"
)

// backupOptions say where an edge keeps flags for its next start: at most one place. What S3 needs beside them is in the
// variables of the AWS SDKs.
type backupOptions struct {
	Folder string `name:"backup-folder" short:"b" env:"BACKUP_FOLDER" help:"Folder in which flags are kept for a start without the server; Unleash Edge's own files there are taken over."`

	URL      []string `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis in which they are kept: redis://user:password@host:6379/0, rediss://… for TLS, unix:///path; several are nodes of one cluster."`
	Mode     string   `name:"redis-mode" env:"REDIS_MODE" default:"single" enum:"single,cluster" help:"single or cluster."`
	Host     string   `name:"redis-host" env:"REDIS_HOST" help:"In place of --redis-url: host, or path of the socket."`
	Port     int      `name:"redis-port" env:"REDIS_PORT" default:"6379" help:"Port at --redis-host."`
	Scheme   string   `name:"redis-scheme" env:"REDIS_SCHEME" default:"redis" enum:"tcp,tls,redis,rediss,redis-unix,unix" help:"How to reach --redis-host: redis (tcp), rediss (tls) or unix (redis-unix)."`
	Secure   bool     `name:"redis-secure" env:"REDIS_SECURE" help:"Use TLS, whatever the scheme."`
	Username string   `name:"redis-username" env:"REDIS_USERNAME" help:"User of Redis, where the URL has none."`
	Password string   `name:"redis-password" env:"REDIS_PASSWORD" help:"Password, where the URL has none."`
	Read     int      `name:"redis-read-connection-timeout-milliseconds" env:"REDIS_READ_CONNECTION_TIMEOUT_MILLISECONDS" default:"2000" help:"Milliseconds that Redis may take to connect and to answer."`
	Write    int      `name:"redis-write-connection-timeout-milliseconds" env:"REDIS_WRITE_CONNECTION_TIMEOUT_MILLISECONDS" default:"2000" help:"Milliseconds that sending to Redis may take."`

	Bucket    string `name:"s3-bucket-name" env:"S3_BUCKET_NAME" help:"Bucket in which they are kept. AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL and so on mean what they mean elsewhere."`
	PathStyle bool   `name:"s3-force-path-style" env:"S3_FORCE_PATH_STYLE" help:"Put the bucket into the path of the address, not into its host name."`
}

// storage is where to keep backups; nil: nowhere.
func (o backupOptions) storage(getenv func(string) string) (storage.Open, error) {
	var places []string
	if o.Folder != "" {
		places = append(places, "--backup-folder")
	}
	urls := trimmed(o.URL)
	if len(urls) > 0 || o.Host != "" {
		places = append(places, "--redis-url or --redis-host")
	}
	if o.Bucket != "" {
		places = append(places, "--s3-bucket-name")
	}
	switch {
	case len(places) > 1:
		return nil, fmt.Errorf("a backup is kept in one place: give one of %s", strings.Join(places, ", "))
	case o.Folder != "":
		return storage.OpenFolder(o.Folder), nil
	case o.Bucket != "":
		return o.s3(getenv)
	case len(places) == 0:
		return nil, nil
	case o.Read < 1 || o.Write < 1:
		return nil, errors.New("timeouts of Redis are at least one millisecond")
	}
	return storage.OpenRedis(storage.RedisOptions{
		URLs: urls, Cluster: o.Mode == "cluster", Scheme: o.Scheme, Host: o.Host, Port: o.Port,
		Username: o.Username, Password: o.Password, TLS: o.Secure,
		ReadTimeout: time.Duration(o.Read) * time.Millisecond, WriteTimeout: time.Duration(o.Write) * time.Millisecond,
	})
}

// s3 reads the variables of the AWS SDKs that the library does not read by itself.
func (o backupOptions) s3(getenv func(string) string) (storage.Open, error) {
	either := func(names ...string) string {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	options := storage.S3Options{
		Bucket: o.Bucket, PathStyle: o.PathStyle, Endpoint: either("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
		Region:    either("AWS_REGION", "AWS_DEFAULT_REGION"),
		AccessKey: getenv("AWS_ACCESS_KEY_ID"), SecretKey: getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: getenv("AWS_SESSION_TOKEN"),
	}
	if file := getenv("AWS_CA_BUNDLE"); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
		options.Roots = x509.NewCertPool()
		if !options.Roots.AppendCertsFromPEM(content) {
			return nil, errors.New("AWS_CA_BUNDLE: there is no PEM certificate in the file")
		}
	}
	return storage.OpenS3(options)
}
