package httpload

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Load is a run of a few requests in turn, usually of one.
type Load struct {
	Addr        string // host:port
	Requests    []Request
	Connections int
	Duration    time.Duration
	WantStatus  int
	Spread      bool // the connections begin at different requests, as far from each other as can be
}

// Result tells what a run did.
type Result struct {
	Requests int
	Bytes    int64         // of bodies
	Elapsed  time.Duration // from the first request to the last answer
	P50, P99 time.Duration
}

// Rate returns requests a second.
func (r Result) Rate() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// answerTimeout bounds one request; a server that needs longer fails the run.
const answerTimeout = 30 * time.Second

// Run sends the requests in turn over every connection, the next as soon as the last is answered, until Duration is over. An
// answer with another status ends the run with an error.
func Run(ctx context.Context, load Load) (Result, error) {
	requests := make([][]byte, len(load.Requests))
	for i, request := range load.Requests {
		requests[i] = request.encode(load.Addr)
	}
	times := make([][]time.Duration, load.Connections)
	bodies := make([]int64, load.Connections)
	var group errgroup.Group
	began := time.Now()
	end := began.Add(load.Duration)
	for i := range load.Connections {
		group.Go(func() error {
			client, err := Dial(load.Addr)
			if err != nil {
				return err
			}
			defer func() { _ = client.Close() }()
			at := time.Now()
			turn := 0
			if load.Spread {
				turn = i * len(requests) / load.Connections
			}
			for ; at.Before(end) && ctx.Err() == nil; turn = (turn + 1) % len(requests) {
				response, err := client.Do(requests[turn], nil, at.Add(answerTimeout))
				if err != nil {
					return err
				}
				if response.Status != load.WantStatus {
					return fmt.Errorf("%s %s answered %d, not %d", load.Requests[turn].Method,
						load.Requests[turn].Path, response.Status, load.WantStatus)
				}
				now := time.Now()
				times[i] = append(times[i], now.Sub(at))
				bodies[i] += response.Body
				at = now
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("load %s: %w", load.Requests[0].Path, err)
	}
	result := Result{Elapsed: time.Since(began)}
	all := slices.Concat(times...)
	slices.Sort(all)
	if result.Requests = len(all); result.Requests == 0 {
		return Result{}, fmt.Errorf("load %s: no request was answered", load.Requests[0].Path)
	}
	result.P50, result.P99 = all[len(all)/2], all[len(all)*99/100]
	for _, n := range bodies {
		result.Bytes += n
	}
	return result, nil
}

// Get sends the request once and returns the answer and its body as sent.
func Get(addr string, request Request) (Response, []byte, error) {
	client, err := Dial(addr)
	if err != nil {
		return Response{}, nil, err
	}
	defer func() { _ = client.Close() }()
	var body bytes.Buffer
	response, err := client.Do(request.encode(addr), &body, time.Now().Add(answerTimeout))
	return response, body.Bytes(), err
}
