package apitoken

import (
	"context"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/queries"
)

// Run stores when tokens were last seen, announces those that expire, and reads everything again now and then, and soon
// after a refresh that failed. It returns when ctx ends, after storing what is left.
func (c *Cache) Run(ctx context.Context) error {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	checked := c.now()
	flushed, reloaded := checked, checked
	for {
		select {
		case <-ctx.Done():
			flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
			defer cancel()
			if err := c.Flush(flushCtx); err != nil {
				c.logger.WarnContext(ctx, "last use of tokens not stored", "component", "apitoken", "err", err)
			}
			return nil
		case <-ticker.C:
		}
		now := c.now()
		c.expire(checked, now)
		checked = now
		if now.Sub(flushed) >= flushInterval {
			flushed = now
			if err := c.Flush(ctx); err != nil {
				c.logger.WarnContext(ctx, "last use of tokens not stored", "component", "apitoken", "err", err)
			}
		}
		if now.Sub(reloaded) >= reloadInterval || c.needsReload() {
			reloaded = now
			if err := c.Refresh(ctx, nil); err != nil && ctx.Err() == nil {
				c.logger.WarnContext(ctx, "tokens not read", "component", "apitoken", "err", err)
			}
		}
	}
}

func (c *Cache) needsReload() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reload
}

// expire announces the tokens that expired after from, up to to.
func (c *Cache) expire(from, to time.Time) {
	for _, e := range c.index.Load().byID {
		if !e.token.Expired(from) && e.token.Expired(to) {
			c.revoked(e, Expired)
		}
	}
}

// Flush stores when tokens were last seen. What cannot be stored is kept for the next time.
func (c *Cache) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var params queries.APITokenSeenParams
	var entries []*entry
	var seconds []int64
	for id, e := range c.index.Load().byID {
		if seen := e.seen.Load(); seen > e.stored.Load() {
			params.Ids = append(params.Ids, id)
			params.Times = append(params.Times, time.Unix(seen, 0))
			entries, seconds = append(entries, e), append(seconds, seen)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := q.APITokenSeen(ctx, c.db, params); err != nil {
		return fmt.Errorf("store last use of tokens: %w", err)
	}
	for i, e := range entries {
		e.stored.Store(seconds[i])
	}
	return nil
}
