package eval

import "math"

// VariantResult is the answer for a variant as SDKs present it: the chosen variant, or one named "disabled".
type VariantResult struct {
	Name           string   `json:"name"`
	Payload        *Payload `json:"payload,omitempty"`
	Enabled        bool     `json:"enabled"`         // a variant was chosen
	FeatureEnabled bool     `json:"feature_enabled"` // the feature itself is on
}

// disabledVariant is the name that SDKs give to "no variant".
const disabledVariant = "disabled"

// variantSet is the variants of a feature or of a strategy, ready for selection.
type variantSet struct {
	variants   []Variant
	total      uint64
	key        bucketKey
	stickiness stickiness
	field      field        // for stickyField
	overrides  [][]override // parallel to variants; nil when no variant has any
}

type override struct {
	field  field
	values textSet
}

// compileVariants returns nil when no variant can be chosen: without weight, not even overrides count.
func compileVariants(groupID, sticky string, variants []Variant, fields *fieldTable) *variantSet {
	var total int64
	for i := range variants {
		total += int64(variants[i].Weight)
	}
	if total <= 0 {
		return nil
	}
	set := &variantSet{
		variants: variants,
		total:    uint64(total),
		key:      newBucketKey(groupID, variantSeed),
	}
	// Here "random" is no keyword: it names a field that contexts lack, and a field without value draws at random.
	if sticky != "" && sticky != "default" {
		set.stickiness, set.field = stickyField, fields.field(sticky)
	}
	for i := range variants {
		if len(variants[i].Overrides) == 0 {
			continue
		}
		if set.overrides == nil {
			set.overrides = make([][]override, len(variants))
		}
		for _, o := range variants[i].Overrides {
			set.overrides[i] = append(set.overrides[i], override{fields.field(o.ContextName), newTextSet(o.Values)})
		}
	}
	return set
}

// choose picks the variant for the context: the first with a matching override, else by weight.
func (s *variantSet) choose(f *frame) *Variant {
	for i := range s.overrides {
		for j := range s.overrides[i] {
			o := &s.overrides[i][j]
			if text, ok := f.value(o.field.id, o.field.name); ok && o.values.has(text) {
				return &s.variants[i]
			}
		}
	}
	target := int64(s.target(f))
	var sum int64
	for i := range s.variants {
		weight := int64(s.variants[i].Weight)
		if weight == 0 {
			continue
		}
		if sum += weight; sum >= target {
			return &s.variants[i]
		}
	}
	return nil
}

// target places the context in 1..total.
func (s *variantSet) target(f *frame) uint64 {
	var id string
	if s.stickiness == stickyField {
		id, _ = f.value(s.field.id, s.field.name)
	} else {
		id = f.ctx.UserID
		if id == "" {
			id = f.ctx.SessionID
		}
		if id == "" {
			id = f.ctx.RemoteAddress
		}
	}
	if id == "" {
		return uint64(f.draw(uint32(min(s.total, math.MaxUint32)))) + 1
	}
	return uint64(s.key.sum(id))%s.total + 1
}
