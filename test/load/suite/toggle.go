package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/system"
)

const (
	toggleTime = 2 * time.Second

	// toggleFaster is how many times as many toggles a second Pennon has to answer as the Unleash server.
	toggleFaster = 10
)

// toggleConnections are the numbers of connections that toggle at the same time. Several wait for each other at the change
// log's lock, one at nothing.
var toggleConnections = []int{1, 8}

// toggle switches flags on and off through the Admin API.
func (*writes) toggle(ctx context.Context, b *Bench, name string) error {
	database, start := b.pennonDatabase, b.startPennon
	if name == "peer" {
		database, start = b.peerDatabase, b.startPeer
	}
	db, err := database(ctx, "toggle", seed.Flags(writeFlags))
	if err != nil {
		return err
	}
	p, err := start(ctx, db)
	if err != nil {
		return err
	}
	defer p.Stop()
	for _, connections := range toggleConnections {
		load := httpload.Load{
			Addr: p.Addr, Connections: connections, Duration: featuresWarmUp, WantStatus: 200,
			Requests: toggleRequests(connections), Spread: true,
		}
		if _, err := httpload.Run(ctx, load); err != nil {
			return err
		}
		load.Duration = toggleTime
		var result httpload.Result
		used, err := cpu(p, func() (err error) {
			result, err = httpload.Run(ctx, load)
			return err
		})
		if err != nil {
			return err
		}
		path := togglePath(connections, name)
		b.Put(path+"/rate", result.Rate())
		b.Put(path+"/cpu", float64(used.Microseconds())/float64(result.Requests))
		b.Put(path+"/p50", milliseconds(result.P50))
		b.Put(path+"/p99", milliseconds(result.P99))
	}
	return nil
}

func togglePath(connections int, name string) string {
	return fmt.Sprintf("writes/toggle/%s/%d", name, connections)
}

// toggleRequests switches as many flags on and off as there are connections, one after the other.
func toggleRequests(flags int) []httpload.Request {
	var requests []httpload.Request
	header := []string{system.Authorize(system.AdminToken)}
	for _, flag := range seed.Flags(flags) {
		path := "/api/admin/projects/default/features/" + flag.Name + "/environments/" + seed.Environment + "/"
		for _, state := range []string{"off", "on"} {
			requests = append(requests, httpload.Request{Method: "POST", Path: path + state, Header: header, Body: []byte{}})
		}
	}
	return requests
}

func toggleRows(b *Bench) []report.Row {
	var rows []report.Row
	for _, connections := range toggleConnections {
		row := func(quantity, text string) report.Row {
			return report.Row{
				Case:   fmt.Sprintf("toggle, %d at a time, %s", connections, text),
				Pennon: b.Measured(togglePath(connections, "pennon") + "/" + quantity), Ceiling: report.Measured{None: "–"},
				Peer: b.Measured(togglePath(connections, "peer") + "/" + quantity),
			}
		}
		rate := row("rate", "requests/s")
		rate.ToPeerBar = report.AtLeast(toggleFaster)
		rows = append(rows, rate, row("p50", "ms (p50)"), row("p99", "ms (p99)"), row("cpu", "CPU µs/request"))
	}
	return rows
}
