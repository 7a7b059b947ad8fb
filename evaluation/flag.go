package evaluation

import (
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// flag is one flag of a catalogue with all it can answer. It is immutable but for the fragments, which are encoded when
// first needed.
type flag struct {
	compiled *eval.Compiled
	name     string
	outcomes []outcome // by place: off, on without variant, on with each variant there is
	moments  []int64   // in order, see eval.Compiled.Moments
}

// Places of the outcomes that every flag has.
const (
	off uint32 = iota
	on
	firstVariant
)

// outcome is one answer a flag can give.
type outcome struct {
	variant *eval.Variant
	text    atomic.Pointer[fragment]
}

// fragment is an outcome as it is sent.
type fragment struct {
	json []byte
	hash uint64
}

func newFlag(compiled *eval.Compiled) *flag {
	feature := compiled.Feature()
	f := &flag{compiled: compiled, name: compiled.Name(), moments: compiled.Moments(nil)}
	slices.Sort(f.moments)
	f.moments = slices.Clip(slices.Compact(f.moments))
	size := int(firstVariant) + len(feature.Variants)
	for i := range feature.Strategies {
		size += len(feature.Strategies[i].Variants)
	}
	f.outcomes = make([]outcome, size)
	next := f.outcomes[firstVariant:]
	take := func(variants []eval.Variant) {
		for i := range variants {
			next[i].variant = &variants[i]
		}
		next = next[len(variants):]
	}
	take(feature.Variants)
	for i := range feature.Strategies {
		take(feature.Strategies[i].Variants)
	}
	return f
}

// place is where the outcome of a result is. The variants that evaluation gives are those of the definition itself.
func (f *flag) place(result eval.Result) uint32 {
	if !result.Enabled {
		return off
	}
	if result.Variant != nil {
		for i := int(firstVariant); i < len(f.outcomes); i++ {
			if f.outcomes[i].variant == result.Variant {
				return uint32(i)
			}
		}
	}
	return on
}

// fragment is the outcome at a place, encoded.
func (f *flag) fragment(place uint32) *fragment {
	o := &f.outcomes[place]
	if text := o.text.Load(); text != nil {
		return text
	}
	json := appendToggle(make([]byte, 0, 160+len(f.name)), f.compiled.Feature(), place != off, o.variant)
	text := &fragment{json: slices.Clip(json), hash: xxhash.Sum64(json)}
	o.text.Store(text) // whoever else was here wrote the same
	return text
}

// result is the outcome at a place as the evaluation gave it.
func (f *flag) result(place uint32) eval.Result {
	return eval.Result{Enabled: place != off, Variant: f.outcomes[place].variant}
}

// appendToggle writes one flag as /api/frontend does, in Unleash's order of fields.
func appendToggle(b []byte, feature *eval.Feature, enabled bool, variant *eval.Variant) []byte {
	b = append(b, `{"name":`...)
	b = replica.AppendString(b, feature.Name)
	b = append(b, `,"enabled":`...)
	b = strconv.AppendBool(b, enabled)
	b = append(b, `,"variant":{"name":`...)
	if variant == nil {
		b = append(b, `"disabled","enabled":false`...)
	} else {
		b = replica.AppendString(b, variant.Name)
		if variant.Payload != nil {
			b = append(b, `,"payload":{"type":`...)
			b = replica.AppendString(b, variant.Payload.Type)
			b = append(b, `,"value":`...)
			b = replica.AppendString(b, variant.Payload.Value)
			b = append(b, '}')
		}
		b = append(b, `,"enabled":true`...)
	}
	b = append(b, `,"feature_enabled":`...)
	b = strconv.AppendBool(b, enabled)
	b = append(b, `,"featureEnabled":`...)
	b = strconv.AppendBool(b, enabled)
	b = append(b, `},"impressionData":`...)
	b = strconv.AppendBool(b, feature.ImpressionData)
	return append(b, '}')
}
