package system

import (
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/usage"
)

func label(name, value string) metrics.Label { return metrics.Label{Name: name, Value: value} }

// CollectFlags writes which revision readers of each environment are served.
func CollectFlags(w *metrics.Writer, store *replica.Store) {
	if w.Family("environment_revision_id", "Revision that each environment's readers are served.", metrics.KindGauge) {
		for _, name := range store.Environments() {
			if state := store.State(name); state != nil {
				w.Sample(float64(state.Cursor().Revision), label("environment", name))
			}
		}
	}
}

// CollectStreams writes how it stands with the streams of a Hub.
func CollectStreams(w *metrics.Writer, stats sse.Stats) {
	if w.Family("pennon_streams", "Streams that are open, by transport.", metrics.KindGauge) {
		for _, transport := range []sse.Transport{sse.EventsHijacked, sse.EventsFlushed, sse.WebSocket} {
			w.Sample(float64(stats.Streams[transport]), label("transport", transport.String()))
		}
	}
	w.Value("pennon_streams_slow", "Of these, those whose peer has not yet taken a message.", metrics.KindGauge, float64(stats.Slow))
	w.Value("pennon_stream_messages_total", "Messages sent, heartbeats not counted.", metrics.KindCounter, float64(stats.Messages))
	w.Value("pennon_stream_bytes_total", "Bytes sent on streams.", metrics.KindCounter, float64(stats.Bytes))
	w.Value("pennon_stream_heartbeats_total", "Heartbeats sent.", metrics.KindCounter, float64(stats.Heartbeats))
	w.Value("pennon_stream_slowed_total", "How often a peer did not take a message at once.", metrics.KindCounter, float64(stats.Slowed))
	w.Value("pennon_stream_refused_total", "Streams refused because there were too many.", metrics.KindCounter, float64(stats.Refused))
	if w.Family("pennon_stream_closed_total", "Streams that ended, by reason.", metrics.KindCounter) {
		for reason, n := range stats.Closes {
			w.Sample(float64(n), label("reason", reason.String()))
		}
	}
}

// CollectBuffered writes what SDKs have reported and a Buffer holds. Fate is what it waits for: to be "stored" or "sent".
func CollectBuffered(w *metrics.Writer, stats usage.Stats, fate string) {
	kinds := []struct {
		kind      string
		held, max int
	}{{"counts", stats.Counts, stats.CountsMax}, {"instances", stats.Instances, stats.InstancesMax}, {"impact", stats.Series, stats.SeriesMax}}
	if w.Family("pennon_usage_buffered", "Reports of SDKs, merged, that wait to be "+fate+".", metrics.KindGauge) {
		for _, k := range kinds {
			w.Sample(float64(k.held), label("kind", k.kind))
		}
	}
	if w.Family("pennon_usage_buffer_limit", "How many may wait; further ones are dropped.", metrics.KindGauge) {
		for _, k := range kinds {
			w.Sample(float64(k.max), label("kind", k.kind))
		}
	}
}
