package proxy

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pennonhq/pennon/evaluation"
)

// tagsMax bounds the entity tags a sheet keeps, one for each different answer.
const tagsMax = 4096

// sheet is that of sets like this one.
func (h *handler) sheet(set *evaluation.Set) *sheet {
	document := h.Document()
	if kept, _ := set.Kept(h).(*sheet); kept != nil && kept.document == document {
		return kept
	}
	made := newSheet(set, document)
	set.Keep(h, made)
	return made
}

// sheet holds the order of flags, their answers as they are written, and the entity tags of whole answers. It serves all
// sets that list the same flags, unchanged.
type sheet struct {
	document *Document
	order    []int // places in the set, in the order of the answer
	texts    []texts

	mu   sync.RWMutex
	tags map[tagKey]string
}

// texts are the answers of one flag, by outcome; each is written when it is first needed.
type texts struct {
	written atomic.Pointer[[][]byte]
}

type tagKey struct {
	hash uint64 // of the set
	all  bool
}

func newSheet(set *evaluation.Set, document *Document) *sheet {
	s := &sheet{document: document, order: make([]int, set.Len()), texts: make([]texts, set.Len()), tags: make(map[tagKey]string)}
	positions := make([]int, set.Len())
	for place := range s.order {
		s.order[place] = place
		if document != nil {
			positions[place] = document.position(set.At(place).Name)
		}
	}
	slices.SortStableFunc(s.order, func(a, b int) int { return cmp.Compare(positions[a], positions[b]) })
	return s
}

// tag is the entity tag of an answer that has been given before.
func (s *sheet) tag(set *evaluation.Set, all bool) (tag string, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tag, known = s.tags[tagKey{set.Hash(all), all}]
	return tag, known
}

func (s *sheet) keep(set *evaluation.Set, all bool, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tags) >= tagsMax {
		clear(s.tags)
	}
	s.tags[tagKey{set.Hash(all), all}] = tag
}

// append writes the flags that are on, or all.
func (s *sheet) append(b []byte, set *evaluation.Set, all bool) []byte {
	b = append(b, `{"toggles":[`...)
	start := len(b)
	for _, place := range s.order {
		outcome := set.Outcome(place)
		if outcome == 0 && !all {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, s.text(set, place, outcome)...)
	}
	return append(b, `]}`...)
}

func (s *sheet) text(set *evaluation.Set, place, outcome int) []byte {
	t := &s.texts[place]
	written := t.written.Load()
	if written != nil && outcome < len(*written) && (*written)[outcome] != nil {
		return (*written)[outcome]
	}
	toggle := set.At(place)
	text := slices.Clip(appendToggle(nil, &toggle, s.document.states(toggle.Name), toggle.Result.Enabled))
	var more [][]byte
	if written != nil {
		more = slices.Clone(*written)
	}
	for len(more) <= outcome {
		more = append(more, nil)
	}
	more[outcome] = text
	t.written.Store(&more) // if another one wrote meanwhile, what is lost is written again
	return text
}
