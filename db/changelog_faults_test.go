package db_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/db/postgres"
)

func TestKilledListenerIsReplacedWithoutLoss(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	changeLog := changeLogOf(d, d.DSN)
	follow(t, changeLog, s)
	for range 5 {
		require.Positive(t, dbtest.KillListeners(t, d))
		run(t, d, `INSERT INTO features (name, project) SELECT 'flag-' || count(*), 'default' FROM features`)
		s.awaitRevision(head(t, d))
	}
	require.Len(t, s.resets, 1, "the position survives the connection")
	require.Equal(t, truth(t, d.DSN), s.state())
	require.Positive(t, changeLog.Status().Reconnects)
}

func TestRestartOfPostgreSQLIsSurvived(t *testing.T) {
	t.Parallel()
	// A server of its own, in a directory that survives the restart.
	d := dbtest.New(t)
	config := postgres.Config{Dir: dbtest.TempDir(t), Throwaway: true}
	server, err := postgres.Start(t.Context(), config)
	require.NoError(t, err)
	require.NoError(t, server.CreateDatabase(t.Context(), "pennon"))
	url := server.DSN("pennon")
	require.NoError(t, db.Migrate(t.Context(), url, quiet()))

	s := newSink(t)
	changeLog := changeLogOf(d, url)
	follow(t, changeLog, s)
	require.NoError(t, server.Stop(t.Context()))
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return !status.Connected })
	server, err = postgres.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `INSERT INTO features (name, project) VALUES ('after', 'default')`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	s.await("the change after the restart has arrived", func() bool { return s.features["production"]["after"].Name == "after" })
	require.Len(t, s.resets, 1)
}

// A network that swallows packets gives no sign, so the connection is asked.
func TestSilentConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	network := newProxy(t, d.DSN)
	changeLog := changeLogOf(d, network.DSN())
	follow(t, changeLog, s)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModeListen })

	network.Freeze()
	frozen := time.Now()
	run(t, d, `INSERT INTO features (name, project) VALUES ('a', 'default')`)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return !status.Connected })
	t.Logf("silence noticed after %v", time.Since(frozen))
	network.Thaw()
	s.awaitRevision(head(t, d))
	require.Equal(t, truth(t, d.DSN), s.state())
}

func TestTransactionPoolerIsPolledAndReported(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	var log logBuffer
	changeLog := db.NewChangeLog(d.Pool, db.ChangeLogConfig{
		URL: dbtest.PgBouncer(t, d, dbtest.TransactionPooling), PollInterval: 50 * time.Millisecond, SafetyInterval: time.Hour, Logger: log.Logger(),
	})
	follow(t, changeLog, s)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModePoll })
	for _, statement := range script[:12] {
		run(t, d, statement)
		s.awaitRevision(head(t, d))
	}
	require.Equal(t, truth(t, d.DSN), s.state())
	require.Equal(t, 1, strings.Count(log.String(), "set DATABASE_DIRECT_URL"), log.String())
}

func TestPollingEndsWhenNotificationsArriveAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	network := newProxy(t, dbtest.PgBouncer(t, d, dbtest.TransactionPooling))
	changeLog := changeLogOf(d, network.DSN())
	follow(t, changeLog, s)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModePoll })
	network.Redirect(t, d.DSN)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModeListen })
	run(t, d, `INSERT INTO features (name, project) VALUES ('a', 'default')`)
	s.awaitRevision(head(t, d))
	require.Len(t, s.resets, 1)
}

func TestSessionPoolerCarriesNotifications(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	changeLog := db.NewChangeLog(d.Pool, db.ChangeLogConfig{
		URL: dbtest.PgBouncer(t, d, dbtest.SessionPooling), SafetyInterval: time.Hour, Logger: quiet(),
	})
	follow(t, changeLog, s)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModeListen })
	for _, statement := range script[:12] {
		run(t, d, statement)
		s.awaitRevision(head(t, d)) // by notification: the next unasked read is an hour away
	}
	require.Equal(t, truth(t, d.DSN), s.state())
}

// Somebody may switch notifications off without meaning to (a pooler, a replica promoted): the safety read finds changes.
func TestUnannouncedChangeIsFoundBySafetyRead(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	changeLog := db.NewChangeLog(d.Pool, db.ChangeLogConfig{URL: d.DSN, SafetyInterval: 100 * time.Millisecond, Logger: quiet()})
	follow(t, changeLog, s)
	awaitStatus(t, changeLog, func(status db.ChangeLogStatus) bool { return status.Mode == db.ModeListen })
	run(t, d, `SET session_replication_role = replica;
		INSERT INTO features (name, project) VALUES ('a', 'default');
		INSERT INTO change_log (revision, mark, kind, entity, project) VALUES (nextval('change_revision'), gen_random_uuid(), 'feature', 'a', 'default');
		SET session_replication_role = origin`)
	s.awaitRevision(head(t, d))
	require.Equal(t, truth(t, d.DSN), s.state())
}

func TestBrokenHistoryIsReadAnew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql    string
		forked bool
	}{
		"OlderStateRestored": {`DELETE FROM features WHERE name = 'lost'; DELETE FROM change_log WHERE revision > 3; SELECT setval('change_revision', 3)`, true},
		"OlderStateRestoredAndChangedSince": {`DELETE FROM features WHERE name = 'lost'; DELETE FROM change_log WHERE revision > 3;
			INSERT INTO change_log (revision, mark, kind, entity) SELECT n, gen_random_uuid(), 'feature', 'a' FROM generate_series(4, 40) n;
			SELECT setval('change_revision', 100)`, true},
		"RowReplacedByLaterOnes": {`DELETE FROM change_log WHERE revision > 3; INSERT INTO change_log (revision, mark, kind, entity) VALUES (90, gen_random_uuid(), 'feature', 'a');
			SELECT setval('change_revision', 100)`, true},
		"RetentionOvertook": {`INSERT INTO features (name, project) VALUES ('late', 'default'); SET CONSTRAINTS ALL IMMEDIATE;
			DELETE FROM change_log WHERE revision < (SELECT max(revision) FROM change_log)`, false},
		"LogEmptied": {`DELETE FROM change_log`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			run(t, d, `INSERT INTO features (name, project) VALUES ('a', 'default'), ('b', 'default')`)
			run(t, d, `INSERT INTO features (name, project) VALUES ('lost', 'default')`)
			s := newSink(t)
			follow(t, changeLogOf(d, d.DSN), s)
			before := s.revision

			run(t, d, `SET session_replication_role = replica; `+strings.Replace(c.sql, "INSERT INTO features", "SET session_replication_role = origin; INSERT INTO features", 1)+`;
				SET session_replication_role = origin; SELECT pg_notify('pennon_changes', '')`)
			s.await("everything has been read anew", func() bool { return len(s.resets) == 2 })
			require.Equal(t, c.forked, s.resets[1].Forked)
			require.False(t, s.resets[0].Forked)
			require.Positive(t, before)
			require.Equal(t, truth(t, d.DSN), s.state())

			run(t, d, `INSERT INTO features (name, project) VALUES ('next', 'default')`)
			s.await("the next change has arrived", func() bool { return s.features["production"]["next"].Name == "next" })
			require.Equal(t, truth(t, d.DSN), s.state())
		})
	}
}

func TestOldRowsAreDeletedButNeverTheNewest(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	run(t, d, `UPDATE change_log SET at = now() - interval '31 days';
		INSERT INTO change_log (revision, mark, kind, entity, at) SELECT n, gen_random_uuid(), 'feature', 'x', now() - interval '30 days' FROM generate_series(100, 199) n;
		INSERT INTO change_log (revision, mark, kind, entity) SELECT n, gen_random_uuid(), 'feature', 'x' FROM generate_series(200, 299) n`)
	remove := func(config db.ChangeLogConfig) (deleted, oldest, newest int64) {
		config.URL = d.DSN
		deleted, err := db.NewChangeLog(d.Pool, config).DeleteOld(t.Context())
		require.NoError(t, err)
		require.NoError(t, d.Pool.QueryRow(t.Context(), `SELECT min(revision), max(revision) FROM change_log`).Scan(&oldest, &newest))
		return deleted, oldest, newest
	}
	_, oldest, newest := remove(db.ChangeLogConfig{})
	require.Equal(t, []int64{200, 299}, []int64{oldest, newest}, "by age")
	deleted, oldest, _ := remove(db.ChangeLogConfig{RetentionRows: 40})
	require.Equal(t, []int64{60, 260}, []int64{deleted, oldest}, "by number")
	_, oldest, newest = remove(db.ChangeLogConfig{Retention: time.Nanosecond})
	require.Equal(t, []int64{299, 299}, []int64{oldest, newest}, "the newest stays")
}

func TestRunRefusesURLThatCanNeverWork(t *testing.T) {
	t.Parallel()
	require.Error(t, db.NewChangeLog(nil, db.ChangeLogConfig{URL: "postgres://host:port:/x"}).Run(t.Context(), newSink(t)))
}

func TestURLOfThePoolIsUnderstood(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	follow(t, changeLogOf(d, d.DSN+"&pool_max_conns=3"), newSink(t))
}

// awaitStatus polls until the status is as wished.
func awaitStatus(t *testing.T, changeLog *db.ChangeLog, as func(db.ChangeLogStatus) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return as(changeLog.Status()) }, patience, time.Millisecond)
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
