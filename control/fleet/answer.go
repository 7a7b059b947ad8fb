package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/environment"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/queries"
)

// Answer is who has a revision of an environment.
type Answer struct {
	*fleet.Propagation
	Head       int64                      // the newest revision of the change log
	Change     *queries.ChangeLogEntryRow // what Propagation.Revision changed; nil: the log does not remember
	ReportedAt map[string]time.Time       // by node
}

// Propagation answers who has the revision of the environment; 0: its newest.
func (e *Exchange) Propagation(ctx context.Context, name string, revision int64) (*Answer, error) {
	log, err := q.ChangeLogHead(ctx, e.Pool, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read head of change log: %w", err)
	case !log.Known:
		return nil, environment.NotFound(name)
	case revision > log.Head:
		return nil, fault.New(fault.NotFound, "There is no revision %d yet: the newest one is %d.", revision, log.Head)
	}
	reports, reportedAt, err := e.reports(ctx)
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		if revision = fleet.Newest(reports, name); revision == 0 {
			revision = log.Head
		}
	}
	answer := &Answer{
		Propagation: fleet.Propagate(reports, name, revision, e.Registry.Now()), Head: max(log.Head, revision), ReportedAt: reportedAt,
	}
	change, err := q.ChangeLogEntry(ctx, e.Pool, answer.Revision)
	switch {
	case err == nil:
		answer.Change = &change
	case !errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("read change log: %w", err)
	}
	return answer, nil
}

// Fleet is all nodes and their clients.
type Fleet struct {
	*fleet.Overview
	Nodes []NodeReport
}

// Fleet tells of all nodes and their clients.
func (e *Exchange) Fleet(ctx context.Context) (*Fleet, error) {
	nodes, err := e.Reports(ctx)
	if err != nil {
		return nil, err
	}
	return &Fleet{Overview: fleet.View(plain(nodes), e.Registry.Now()), Nodes: nodes}, nil
}

func (e *Exchange) reports(ctx context.Context) (reports []fleet.Report, reportedAt map[string]time.Time, err error) {
	nodes, err := e.Reports(ctx)
	if err != nil {
		return nil, nil, err
	}
	reportedAt = map[string]time.Time{}
	for i := range nodes {
		reportedAt[nodes[i].Node] = nodes[i].ReportedAt
	}
	return plain(nodes), reportedAt, nil
}

func plain(nodes []NodeReport) []fleet.Report {
	reports := make([]fleet.Report, len(nodes))
	for i := range nodes {
		reports[i] = nodes[i].Report
	}
	return reports
}
