package evaluation

import "iter"

// outcomes are the places of the outcomes of a view's flags, in order. They are held in chunks, so that a set that follows
// another with few changes shares most of them: a change of one flag then costs each context some hundred bytes, however
// many flags there are.
type outcomes struct {
	count  int
	chunks []*chunk
}

const chunkSize = 32

type chunk [chunkSize]uint32

// newOutcomes makes outcomes that are all off.
func newOutcomes(count int) outcomes {
	made := make([]chunk, (count+chunkSize-1)/chunkSize)
	o := outcomes{count: count, chunks: make([]*chunk, len(made))}
	for i := range made {
		o.chunks[i] = &made[i]
	}
	return o
}

func (o outcomes) at(i int32) uint32 { return o.chunks[i/chunkSize][i%chunkSize] }

// put changes outcomes that are shared with none.
func (o outcomes) put(i int, outcome uint32) { o.chunks[i/chunkSize][i%chunkSize] = outcome }

// all yields every outcome in order.
func (o outcomes) all() iter.Seq2[int, uint32] {
	return func(yield func(int, uint32) bool) {
		for i := range o.count {
			if !yield(i, o.chunks[i/chunkSize][i%chunkSize]) {
				return
			}
		}
	}
}

// moved are the outcomes at their places in another view: from tells where each was, or -1.
func (o outcomes) moved(from []int32) outcomes {
	moved := newOutcomes(len(from))
	for place, old := range from {
		if old >= 0 {
			moved.put(place, o.at(old))
		}
	}
	return moved
}

// following are outcomes that begin as those of a set before, which stay as they are.
type following struct {
	outcomes

	before outcomes
	own    bool // chunks is not that of before
}

// change puts an outcome, into a chunk of its own.
func (f *following) change(i int32, outcome uint32) {
	if f.at(i) == outcome {
		return
	}
	if !f.own {
		f.chunks, f.own = append([]*chunk(nil), f.chunks...), true
	}
	k := i / chunkSize
	if int(k) < len(f.before.chunks) && f.chunks[k] == f.before.chunks[k] {
		own := *f.chunks[k]
		f.chunks[k] = &own
	}
	f.chunks[k][i%chunkSize] = outcome
}
