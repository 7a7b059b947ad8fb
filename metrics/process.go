package metrics

import (
	"bytes"
	"os"
	"runtime"
	rtmetrics "runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// started is about when the process began.
var started = time.Now()

// CollectProcess writes what the operating system and the Go runtime say of the process, under the names Prometheus has
// for it. What the system does not tell is left out.
func CollectProcess(w *Writer) {
	samples := []rtmetrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	rtmetrics.Read(samples)
	value := func(i int) float64 { return float64(samples[i].Value.Uint64()) }
	w.Value("go_goroutines", "Goroutines that exist.", KindGauge, value(0))
	w.Value("go_memstats_heap_alloc_bytes", "Bytes of objects in the heap.", KindGauge, value(1))
	w.Value("go_memstats_sys_bytes", "Bytes the runtime has from the system.", KindGauge, value(2))
	w.Value("go_gc_cycles_total", "Garbage collections.", KindCounter, value(3))
	w.Value("go_sched_gomaxprocs_threads", "Threads that run Go code at once.", KindGauge, float64(runtime.GOMAXPROCS(0)))
	w.Value("process_start_time_seconds", "When the process started, in seconds since 1970.", KindGauge, float64(started.UnixMilli())/1000)
	if cpu, ok := cpuSeconds(); ok {
		w.Value("process_cpu_seconds_total", "User and system time.", KindCounter, cpu)
	}
	if resident, ok := residentBytes(); ok {
		w.Value("process_resident_memory_bytes", "Memory in use.", KindGauge, resident)
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		w.Value("process_open_fds", "Open file descriptors.", KindGauge, float64(len(open)))
	}
	if most, ok := descriptorLimit(); ok {
		w.Value("process_max_fds", "File descriptors there may be.", KindGauge, most)
	}
}

// residentBytes reads the second field of /proc/self/statm (proc(5)), in pages.
func residentBytes() (float64, bool) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize()), err == nil
}

// descriptorLimit reads the soft limit from /proc/self/limits (proc(5)).
func descriptorLimit() (float64, bool) {
	text, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return 0, false
	}
	_, rest, found := strings.Cut(string(text), "Max open files")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, false
	}
	most, err := strconv.ParseFloat(fields[0], 64)
	return most, err == nil
}
