package storage

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge/storage"
)

const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	bucket    = "flags"
)

// newS3 is a handler that speaks S3, checks signatures and has one bucket.
func newS3(t *testing.T) http.Handler {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket(t.Context(), bucket))
	return gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{accessKey: secretKey}), gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
}

func s3Options(endpoint string) storage.S3Options {
	return storage.S3Options{Bucket: bucket, PathStyle: true, Endpoint: endpoint, Region: "eu-west-1", AccessKey: accessKey, SecretKey: secretKey}
}

func openS3(t *testing.T, options storage.S3Options, owner string) storage.Storage {
	t.Helper()
	open, err := storage.OpenS3(options)
	require.NoError(t, err)
	s, err := open(owner)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestS3(t *testing.T) {
	t.Parallel()

	t.Run("KeepsAnObjectForEachOwner", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(newS3(t))
		t.Cleanup(server.Close)
		one := openS3(t, s3Options(server.URL), "one")
		requireKept(t, one)
		requireKept(t, openS3(t, s3Options(server.URL), "two"))
		_, written, err := one.Load(t.Context(), backup)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), written, time.Minute)
		require.Contains(t, one.Spell(backup), "pennon-edge/v1/one.json")
	})

	t.Run("SpeaksTLSAndChecksTheCertificate", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(newS3(t))
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		options := s3Options(server.URL)
		_, _, err := openS3(t, options, "one").Load(t.Context(), backup)
		require.ErrorContains(t, err, "certificate")
		options.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		requireKept(t, openS3(t, options, "one"))
	})

	t.Run("SignsWhatItSends", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(newS3(t))
		t.Cleanup(server.Close)
		options := s3Options(server.URL)
		options.SecretKey = "wrong"
		require.ErrorContains(t, openS3(t, options, "one").Save(t.Context(), backup, []byte("x")), "signature")
		options = s3Options(server.URL)
		options.Bucket = "missing"
		_, _, err := openS3(t, options, "one").Load(t.Context(), backup)
		require.ErrorContains(t, err, "bucket", "a bucket that is not there is no backup that is not there")
	})

	t.Run("ReadsWhatUnleashEdgeHasLeftWithAndWithoutTheSlash", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/flags//unleash-features.json", "/flags/unleash-features.json"} {
			inner := newS3(t)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.URL.Path == path {
					w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
					w.Header().Set("Etag", `"1"`)
					_, _ = io.WriteString(w, "content of "+path)
					return
				}
				inner.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			content, _, err := openS3(t, s3Options(server.URL), "one").Load(t.Context(), features)
			require.NoError(t, err)
			require.Equal(t, "content of "+path, string(content))
		}
	})

	t.Run("GivesUpOnAServerThatSaysNothing", func(t *testing.T) {
		t.Parallel()
		s := openS3(t, s3Options("http://"+newSilent(t)), "one")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, s.Save(ctx, backup, []byte("x")), context.DeadlineExceeded)
	})

	t.Run("RefusesOptionsThatCannotWork", func(t *testing.T) {
		t.Parallel()
		_, err := storage.OpenS3(storage.S3Options{})
		require.ErrorContains(t, err, "--s3-bucket-name")
		_, err = storage.OpenS3(storage.S3Options{Bucket: bucket, AccessKey: "x"})
		require.ErrorContains(t, err, "go together")
		_, err = storage.OpenS3(storage.S3Options{Bucket: bucket, Endpoint: "localhost:9000"})
		require.ErrorContains(t, err, "http or https")
	})
}
