package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	s3Connect = 3 * time.Second

	// s3Answer is how long a bucket may take to begin an answer.
	s3Answer = 10 * time.Second
)

// S3Options say how to reach a bucket. Bucket is required.
type S3Options struct {
	Bucket    string
	PathStyle bool   // https://host/bucket where the library would say https://bucket.host
	Endpoint  string // https://host:port; empty: Amazon's
	Region    string // empty: asked for at Amazon, us-east-1 elsewhere

	// AccessKey and SecretKey identify the edge; SessionToken goes with temporary ones. Without them credentials are looked
	// for as the AWS SDKs do: in the shared file, by web identity, from the container's or the machine's role.
	AccessKey, SecretKey, SessionToken string

	Roots *x509.CertPool // nil: the system's
}

// S3 keeps objects in a bucket that speaks S3. Edges may share a bucket.
type S3 struct {
	client    *minio.Client
	transport *http.Transport
	bucket    string
	owner     string
}

var _ Storage = (*S3)(nil)

// OpenS3 checks the options. It does not connect.
func OpenS3(options S3Options) (Open, error) {
	if options.Bucket == "" {
		return nil, errors.New("the name of the bucket is missing: set --s3-bucket-name")
	}
	if (options.AccessKey == "") != (options.SecretKey == "") {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
	}
	endpoint, err := url.Parse(cmp.Or(options.Endpoint, "https://s3.amazonaws.com"))
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return nil, fmt.Errorf("the endpoint of S3 is an http or https URL, not %q", options.Endpoint)
	}
	if options.Region == "" && options.Endpoint != "" {
		options.Region = "us-east-1"
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: s3Connect}).DialContext,
		TLSHandshakeTimeout:   s3Connect,
		ResponseHeaderTimeout: s3Answer,
		IdleConnTimeout:       30 * time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.Roots},
	}
	lookup := minio.BucketLookupAuto
	if options.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: options.credentials(), Secure: endpoint.Scheme == "https", Transport: transport, Region: options.Region,
		BucketLookup: lookup, MaxRetries: 1, // who keeps backups tries again
	})
	if err != nil {
		return nil, fmt.Errorf("the endpoint of S3: %w", err)
	}
	return func(owner string) (Storage, error) {
		return &S3{client: client, transport: transport, bucket: options.Bucket, owner: owner}, nil
	}, nil
}

func (o S3Options) credentials() *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Region: o.Region},
	})
}

func (s *S3) key(object Object) string {
	switch object.Kind {
	case ImportedFeatures:
		return "/unleash-features.json"
	case ImportedTokens:
		return "/unleash-tokens.json"
	default:
		return fmt.Sprintf("pennon-edge/v%d/%s.json", object.Version, s.owner)
	}
}

// Spell implements Storage.
func (s *S3) Spell(object Object) string {
	return "object " + s.key(object) + " of the bucket " + s.bucket + " at " + s.client.EndpointURL().Host
}

// Prepare implements Storage.
func (s *S3) Prepare(context.Context) error { return nil }

// Load implements Storage.
func (s *S3) Load(ctx context.Context, object Object) (content []byte, written time.Time, err error) {
	key := s.key(object)
	content, written, err = s.get(ctx, key)
	if errors.Is(err, fs.ErrNotExist) && key[0] == '/' { // some gateways drop the slash that the key begins with
		content, written, err = s.get(ctx, key[1:])
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read backup from S3: %w", err)
	}
	return content, written, nil
}

func (s *S3) get(ctx context.Context, key string) (content []byte, written time.Time, err error) {
	core := minio.Core{Client: s.client}
	body, info, _, err := core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == "NoSuchKey" {
		return nil, time.Time{}, fs.ErrNotExist
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	defer func() { _ = body.Close() }()
	content, err = io.ReadAll(body)
	return content, info.LastModified, err
}

// Save implements Storage. An object is written in one request, so that it is whole at any moment.
func (s *S3) Save(ctx context.Context, object Object, content []byte) error {
	_, err := s.client.PutObject(ctx, s.bucket, s.key(object), bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{
		ContentType: "application/json", DisableMultipart: true,
	})
	if err != nil {
		return fmt.Errorf("write backup to S3: %w", err)
	}
	return nil
}

// Close implements Storage.
func (s *S3) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
