package metrics

import "math"

// Summary sums up what histograms observed.
type Summary struct {
	Count uint64
	Mean  float64
	P99   float64 // the upper bound of the bucket that it is in; of the last one, its lower bound
}

// Summarize sums up histograms of the same bounds.
func Summarize(histograms ...*Histogram) (s Summary) {
	if len(histograms) == 0 {
		return s
	}
	counts := make([]uint64, len(histograms[0].counts))
	var sum float64
	for _, h := range histograms {
		for i := range h.counts {
			n := h.counts[i].Load()
			counts[i] += n
			s.Count += n
		}
		sum += math.Float64frombits(h.sum.Load())
	}
	if s.Count == 0 {
		return s
	}
	s.Mean = sum / float64(s.Count)
	bounds := histograms[0].bounds
	rest := s.Count - s.Count/100 // how many are at or below it
	for i, n := range counts {
		s.P99 = bounds[min(i, len(bounds)-1)]
		if rest <= n {
			break
		}
		rest -= n
	}
	return s
}

// Used is what the process uses.
type Used struct {
	CPU    float64 // seconds of processor time so far
	Memory float64 // bytes
}

// Process tells what the process uses; false: the system does not tell.
func Process() (used Used, known bool) {
	cpu, ok := cpuSeconds()
	if !ok {
		return used, false
	}
	memory, ok := residentBytes()
	return Used{cpu, memory}, ok
}
