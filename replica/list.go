package replica

import (
	"iter"
	"slices"
	"sort"
)

// chunkMax is how many elements a chunk of a list holds at most. A change copies one chunk and the list of chunks, so for
// 10,000 elements the square root is about right.
const chunkMax = 128

// list is a sorted, immutable sequence with structural sharing: a changed list shares all chunks but one with the one it
// came from. The zero list is empty. Order is the caller's: every call on one list must use the same one.
type list[T any] struct {
	chunks [][]T // none empty
	length int
}

// listOf makes a list of elements that are sorted already. It keeps the slice.
func listOf[T any](sorted []T) list[T] {
	l := list[T]{length: len(sorted)}
	for chunk := range slices.Chunk(sorted, chunkMax) {
		l.chunks = append(l.chunks, chunk)
	}
	return l
}

// seek returns the place of the first element that compare puts at or after what is looked for. compare tells where an
// element stands relative to it: negative is before.
func (l list[T]) seek(compare func(T) int) (chunk, index int) {
	chunk = sort.Search(len(l.chunks), func(i int) bool { return compare(l.chunks[i][len(l.chunks[i])-1]) >= 0 })
	if chunk == len(l.chunks) {
		return chunk, 0
	}
	return chunk, sort.Search(len(l.chunks[chunk]), func(i int) bool { return compare(l.chunks[chunk][i]) >= 0 })
}

// find returns the element for which compare is zero.
func (l list[T]) find(compare func(T) int) (element T, found bool) {
	c, i := l.seek(compare)
	if c == len(l.chunks) || compare(l.chunks[c][i]) != 0 {
		return element, false
	}
	return l.chunks[c][i], true
}

// first returns the element at the place seek finds.
func (l list[T]) first(compare func(T) int) (element T, found bool) {
	c, i := l.seek(compare)
	if c == len(l.chunks) {
		return element, false
	}
	return l.chunks[c][i], true
}

// from yields the elements from the place seek finds to the end.
func (l list[T]) from(compare func(T) int) iter.Seq[T] {
	return func(yield func(T) bool) {
		c, i := l.seek(compare)
		for ; c < len(l.chunks); c, i = c+1, 0 {
			for _, element := range l.chunks[c][i:] {
				if !yield(element) {
					return
				}
			}
		}
	}
}

// all yields every element.
func (l list[T]) all() iter.Seq[T] {
	return l.from(func(T) int { return 1 })
}

// backward yields every element, last first.
func (l list[T]) backward() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, chunk := range slices.Backward(l.chunks) {
			for _, element := range slices.Backward(chunk) {
				if !yield(element) {
					return
				}
			}
		}
	}
}

// with returns a list that holds element, in place of an equal one if there is one.
func (l list[T]) with(element T, order func(a, b T) int) list[T] {
	if len(l.chunks) == 0 {
		return list[T]{chunks: [][]T{{element}}, length: 1}
	}
	c, i := l.seek(func(other T) int { return order(other, element) })
	if c == len(l.chunks) { // after everything: it goes to the end of the last chunk
		c, i = c-1, len(l.chunks[c-1])
	}
	old := l.chunks[c]
	if i < len(old) && order(old[i], element) == 0 {
		chunk := slices.Clone(old)
		chunk[i] = element
		return list[T]{chunks: replaced(l.chunks, c, 1, chunk), length: l.length}
	}
	if i == len(old) && len(old) >= chunkMax { // a full last chunk: start a new one rather than halve it
		return list[T]{chunks: replaced(l.chunks, c, 1, old, []T{element}), length: l.length + 1}
	}
	chunk := make([]T, 0, len(old)+1)
	chunk = append(append(append(chunk, old[:i]...), element), old[i:]...)
	if len(chunk) <= chunkMax {
		return list[T]{chunks: replaced(l.chunks, c, 1, chunk), length: l.length + 1}
	}
	half := len(chunk) / 2
	return list[T]{chunks: replaced(l.chunks, c, 1, slices.Clone(chunk[:half]), slices.Clone(chunk[half:])), length: l.length + 1}
}

// without returns a list that does not hold an element equal to element.
func (l list[T]) without(element T, order func(a, b T) int) list[T] {
	c, i := l.seek(func(other T) int { return order(other, element) })
	if c == len(l.chunks) || order(l.chunks[c][i], element) != 0 {
		return l
	}
	old := l.chunks[c]
	chunk := make([]T, 0, len(old)-1)
	chunk = append(append(chunk, old[:i]...), old[i+1:]...)
	shorter := list[T]{length: l.length - 1}
	switch {
	case len(chunk) == 0:
		shorter.chunks = replaced(l.chunks, c, 1)
	case c > 0 && len(chunk)+len(l.chunks[c-1]) <= chunkMax/2: // keep the number of chunks in proportion
		shorter.chunks = replaced(l.chunks, c-1, 2, slices.Concat(l.chunks[c-1], chunk))
	default:
		shorter.chunks = replaced(l.chunks, c, 1, chunk)
	}
	return shorter
}

// replaced returns a copy of chunks where count chunks from at are replaced by others.
func replaced[T any](chunks [][]T, at, count int, others ...[]T) [][]T {
	result := make([][]T, 0, len(chunks)-count+len(others))
	result = append(result, chunks[:at]...)
	result = append(result, others...)
	return append(result, chunks[at+count:]...)
}
