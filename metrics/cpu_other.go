//go:build !unix

package metrics

// cpuSeconds is the processor time used so far; other systems are not asked.
func cpuSeconds() (float64, bool) { return 0, false }
