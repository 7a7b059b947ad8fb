package admin_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/control/idempotency"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
)

// patience bounds waiting for something that must happen.
const patience = 20 * time.Second

const keyField = "Idempotency-Key"

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.furnish(t)

	t.Run("AnswersARepeatedRequestAsBefore", func(t *testing.T) {
		for i, r := range [][3]string{
			{"POST", "/projects", `{"id":"p2","name":"p2"}`},
			{"POST", fs, `{"name":"f2"}`},
			{"PATCH", fs + "/f2", `[{"op":"replace","path":"/description","value":"x"}]`},
			{"POST", dev + "/on", ""},
			{"POST", "/environments/staging/off", ""},
			{"POST", "/features", `{"name":"f3"}`},
			{"POST", "/projects/default/archive", `{"features":["f2"]}`},
			{"POST", "/projects/default/delete", `{"features":["f2"]}`},
			{"POST", "/api-tokens", `{"tokenName":"ci","type":"client"}`},
			{"POST", "/maintenance", `{"enabled":false}`},
		} {
			key := "key" + string(rune('a'+i))
			first := s.send(r[0], r[1], r[2], keyField, key)
			require.Less(t, first.Code, 300, "%s: %s", r[1], first.Body)
			require.Empty(t, first.Header().Get("Idempotency-Replayed"))
			s.events(t)
			s.changes(t)
			for _, same := range []string{key, `"` + key + `"`} {
				again := s.send(r[0], r[1], r[2], keyField, same)
				require.Equal(t, "true", again.Header().Get("Idempotency-Replayed"), r[1])
				again.Header().Del("Idempotency-Replayed")
				require.Equal(t, first.Code, again.Code, r[1])
				require.Equal(t, first.Header(), again.Header(), r[1])
				require.Equal(t, first.Body.String(), again.Body.String(), r[1])
			}
			require.Empty(t, s.events(t), r[1])
			require.Empty(t, s.changes(t), r[1])
		}
	})

	t.Run("IsAnsweredWithAKeyAsWithoutOne", func(t *testing.T) {
		for _, r := range [][2]string{{"/tag-types", `{"name":"@"}`}, {"/segments/validate", `{"name":"@"}`}, {"/features", `{"name":"@"}`}, {"/tags", `{"type":"simple","value":"@"}`}} {
			without := s.send("POST", r[0], strings.ReplaceAll(r[1], "@", "without"))
			with := s.send("POST", r[0], strings.ReplaceAll(r[1], "@", "withkey"), keyField, r[0])
			require.Equal(t, without.Code, with.Code)
			for name := range without.Header() {
				require.Contains(t, with.Header(), name)
			}
			require.Len(t, with.Header(), len(without.Header()))
			require.JSONEq(t, strings.ReplaceAll(mask(t, "["+without.Body.String()+"]"), "without", "withkey"), mask(t, "["+with.Body.String()+"]"))
		}
	})

	t.Run("OfAnotherRequestIsRefused", func(t *testing.T) {
		s.must(t, "GET", "/projects", "")
		require.Equal(t, 201, s.send("POST", fs, `{"name":"once"}`, keyField, "k1").Code)
		s.events(t)
		for _, r := range [][3]string{
			{"POST", fs, `{"name":"twice"}`},
			{"POST", fs + "?x=y", `{"name":"once"}`},
			{"POST", "/projects/p1/features", `{"name":"once"}`},
			{"PATCH", fs + "/once", `[]`},
		} {
			w := s.send(r[0], r[1], r[2], keyField, "k1")
			require.Equal(t, 422, w.Code, w.Body)
			require.Contains(t, w.Body.String(), `"name":"IdempotencyKeyReusedError"`)
		}
		require.Empty(t, s.events(t))
	})

	t.Run("OfAFailedRequestMayBeUsedAgain", func(t *testing.T) {
		require.Equal(t, 404, s.send("POST", fs+"/later/environments/development/on", "", keyField, "k2").Code)
		require.Equal(t, 400, s.send("POST", fs, `{}`, keyField, "k2").Code)
		require.Equal(t, 409, s.send("POST", fs, `{"name":"once"}`, keyField, "k2").Code)
		require.Equal(t, 201, s.send("POST", fs, `{"name":"later"}`, keyField, "k2").Code)
	})

	t.Run("IsAnsweredBeforeItsPrecondition", func(t *testing.T) {
		seen := s.tag(t, fs+"/once")
		patch := `[{"op":"replace","path":"/description","value":"mine"}]`
		first := s.send("PATCH", fs+"/once", patch, keyField, "k3", "If-Match", seen)
		again := s.send("PATCH", fs+"/once", patch, keyField, "k3", "If-Match", seen)
		require.Equal(t, []int{200, 200}, []int{first.Code, again.Code})
		require.Equal(t, first.Header().Get("ETag"), again.Header().Get("ETag"))
		require.Equal(t, 412, s.send("PATCH", fs+"/once", patch, keyField, "k4", "If-Match", seen).Code)
	})

	t.Run("MustBeAKey", func(t *testing.T) {
		for _, bad := range []string{"", `""`, "a b", "a\tb", "é", strings.Repeat("k", idempotency.MaxKeyLength+1)} {
			require.Equal(t, 400, s.send("POST", fs, `{"name":"bad"}`, keyField, bad).Code, bad)
		}
		require.Equal(t, 400, s.send("POST", fs, `{"name":"bad"}`, keyField, "a", keyField, "b").Code)
		require.Equal(t, 201, s.send("POST", fs, `{"name":"bad"}`, keyField, strings.Repeat("k", idempotency.MaxKeyLength)).Code)
	})

	t.Run("IsIgnoredWhereRepeatingDoesNoHarm", func(t *testing.T) {
		for _, body := range []string{`{"description":"1"}`, `{"description":"2"}`} {
			require.Equal(t, 200, s.send("PUT", "/tag-types/team", body, keyField, "k5").Code)
		}
		require.Equal(t, 204, s.send("POST", "/segments/validate", `{"name":"free1"}`, keyField, "k5").Code)
		require.Equal(t, 204, s.send("POST", "/segments/validate", `{"name":"free2"}`, keyField, "k5").Code)
	})

	t.Run("LeavesNoSecretInTheDatabase", func(t *testing.T) {
		w := s.send("POST", "/api-tokens", `{"tokenName":"hidden","type":"client","environment":"development"}`, keyField, "k6")
		_, secret, found := strings.Cut(w.Body.String(), `"secret":"`)
		require.True(t, found)
		secret, _, _ = strings.Cut(secret, `"`)
		require.Equal(t, w.Body.String(), s.send("POST", "/api-tokens", `{"tokenName":"hidden","type":"client","environment":"development"}`, keyField, "k6").Body.String())
		rows, err := s.Pool.Query(t.Context(), `SELECT id || fingerprint || answer FROM idempotency_keys`)
		require.NoError(t, err)
		for rows.Next() {
			var kept []byte
			require.NoError(t, rows.Scan(&kept))
			require.False(t, bytes.Contains(kept, []byte(secret)))
			require.False(t, bytes.Contains(kept, []byte("hidden")))
		}
		require.NoError(t, rows.Err())
	})

	t.Run("StandsForItsRequestForADay", func(t *testing.T) {
		require.Equal(t, 204, s.send("POST", "/environments/staging/on", "", keyField, "k7").Code)
		s.sql(t, `UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'`)
		w := s.send("POST", "/environments/staging/off", "", keyField, "k7")
		require.Equal(t, 204, w.Code)
		require.Empty(t, w.Header().Get("Idempotency-Replayed"))

		deleted, err := (&idempotency.Expiry{Pool: s.Pool}).Once(t.Context())
		require.NoError(t, err)
		require.Positive(t, deleted)
		var left int
		require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT count(*) FROM idempotency_keys`).Scan(&left))
		require.Equal(t, 1, left)
	})
	require.Empty(t, s.log.String())
}

func TestRequestsWithOneIdempotencyKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)

	t.Run("AreRefusedWhileTheFirstGoesOn", func(t *testing.T) {
		patch := `[{"op":"replace","path":"/description","value":"x"}]`
		tx, err := s.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `SELECT FROM features WHERE name = 'f1' FOR UPDATE`)
		require.NoError(t, err)
		first := make(chan int)
		go func() { first <- s.send("PATCH", fs+"/f1", patch, keyField, "k").Code }()
		s.awaitLock(t)
		w := s.send("PATCH", fs+"/f1", patch, keyField, "k")
		require.Equal(t, 409, w.Code)
		require.Contains(t, w.Body.String(), `"name":"ConflictError"`)
		require.NoError(t, tx.Rollback(t.Context()))
		require.Equal(t, 200, <-first)
		require.Equal(t, "true", s.send("PATCH", fs+"/f1", patch, keyField, "k").Header().Get("Idempotency-Replayed"))
	})

	// Two servers, which reach the database through PgBouncer in transaction mode.
	handlers := []http.Handler{}
	url := dbtest.PgBouncer(t, s.Database, dbtest.TransactionPooling)
	for range 2 {
		pool, err := db.Open(t.Context(), db.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		target := api.New(api.Config{}, slog.New(slog.DiscardHandler))
		admin.Guard(target, adminTokens{})
		admin.Register(target, pool, admin.Config{})
		handlers = append(handlers, target)
	}
	t.Run("AreDoneOnceByAnyServer", func(t *testing.T) {
		for round := range 5 {
			name := "f" + string(rune('p'+round))
			bodies := make([]string, 8)
			var wait sync.WaitGroup
			for i := range bodies {
				wait.Go(func() {
					for began := time.Now(); time.Since(began) < patience; {
						w := sendTo(handlers[i%2], "POST", fs, `{"name":"`+name+`"}`, keyField, name)
						if bodies[i] = w.Body.String(); w.Code != 409 || strings.Contains(bodies[i], "NameExistsError") {
							return
						}
					}
				})
			}
			wait.Wait()
			for _, body := range bodies {
				require.Equal(t, bodies[0], body)
				require.Contains(t, body, `"name":"`+name+`","`)
			}
		}
	})
}
