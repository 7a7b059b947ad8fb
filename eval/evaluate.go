package eval

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Result is the whole answer for one feature.
type Result struct {
	Enabled bool

	// Variant is the chosen variant's definition, nil if there is none. It must not be modified.
	Variant *Variant
}

// VariantResult gives the answer for the variant as SDKs present it.
func (r Result) VariantResult() VariantResult {
	if r.Variant == nil {
		return VariantResult{Name: disabledVariant, FeatureEnabled: r.Enabled}
	}
	return VariantResult{Name: r.Variant.Name, Payload: r.Variant.Payload, Enabled: true, FeatureEnabled: r.Enabled}
}

// Enabled reports whether the feature is on. A nil context is an empty one. It allocates nothing.
func (c *Compiled) Enabled(ctx *Context) bool {
	f := newFrame(ctx)
	on, _ := c.evaluate(&f)
	return on
}

// Evaluate answers whether the feature is on and which variant it gives. A nil context is an empty one. It allocates
// nothing.
func (c *Compiled) Evaluate(ctx *Context) Result {
	f := newFrame(ctx)
	return c.result(&f)
}

// Variant is Evaluate in the form of the SDKs' getVariant.
func (c *Compiled) Variant(ctx *Context) VariantResult {
	return c.Evaluate(ctx).VariantResult()
}

func newFrame(ctx *Context) frame {
	if ctx == nil {
		ctx = &noContext
	}
	return frame{ctx: ctx, cache: &noCache}
}

func (c *Compiled) result(f *frame) Result {
	on, matched := c.evaluate(f)
	if !on {
		return Result{}
	}
	set := c.variants
	if matched != nil && matched.variants != nil {
		set = matched.variants
	}
	if set == nil {
		return Result{Enabled: true}
	}
	return Result{Enabled: true, Variant: set.choose(f)}
}

// evaluate gives the first strategy that matches, if the answer came from one.
func (c *Compiled) evaluate(f *frame) (on bool, matched *strategy) {
	if !c.on {
		return false, nil
	}
	for i := range c.parents {
		if !c.parents[i].satisfied(f) {
			return false, nil
		}
	}
	f.feature = c.name
	for i := range c.strategies {
		if c.strategies[i].match(f) {
			return true, &c.strategies[i]
		}
	}
	return c.everyone, nil
}

func (p *parent) satisfied(f *frame) bool {
	if len(p.variants) == 0 || p.off {
		on, _ := p.feature.evaluate(f)
		return on != p.off
	}
	result := p.feature.result(f)
	if !result.Enabled {
		return false
	}
	name := disabledVariant // a parent without variant can be asked for by this name
	if result.Variant != nil {
		name = result.Variant.Name
	}
	return slices.Contains(p.variants, name)
}

// currentTime is the context's time in milliseconds since 1970. It reads the clock at most once per evaluation, and
// only if the context leaves the time open.
func (f *frame) currentTime() (float64, bool) {
	if f.ctx.badTime {
		return 0, false
	}
	if !f.clock {
		t := f.ctx.CurrentTime
		if t.IsZero() {
			t = time.Now()
		}
		f.now, f.clock = float64(t.UnixMilli()), true
	}
	return f.now, true
}

// draw gives a number in [0, n) for the feature; n must not be 0. A Random that leaves its range is brought back into it.
// It gets a copy of the name for the reason that matchCustom copies the context.
func (f *frame) draw(n uint32) uint32 {
	if f.ctx.Random != nil {
		return f.ctx.Random(strings.Clone(f.feature), n) % n
	}
	return rand.Uint32N(n)
}
