// Package idempotency answers a repeated request with what the first one was answered, instead of doing it again
// (draft-ietf-httpapi-idempotency-key-header).
//
// The answer is kept in the transaction of the write: either both are there or neither is. Only successes are kept; a
// request that failed has changed nothing and may be tried again with the same key. What concurrent requests do is
// decided by an advisory lock of the transaction, so it holds across servers and behind a pooler. The package knows no
// HTTP but the shape of an answer.
package idempotency

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Retention is how long a key stands for the request that it was first sent with.
const Retention = 24 * time.Hour

const retentionSeconds = int32(Retention / time.Second)

var q = queries.New()

// Answer is what a request was answered.
type Answer struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header"` // not nil
	Body   []byte              `json:"body,omitempty"`
}

// Begin returns the kept answer, or nil where the request is to be done now. It fails with fault.Conflict while another
// request with the key is being done, and with fault.KeyReused where the key was sent with a request of another
// fingerprint.
func Begin(ctx context.Context, tx pgx.Tx, key Key, fingerprint []byte) (*Answer, error) {
	locked, err := q.IdempotencyKeyTryLock(ctx, tx, key.lock())
	if err != nil {
		return nil, fmt.Errorf("lock idempotency key: %w", err)
	}
	if !locked {
		return nil, fault.New(fault.Conflict, "A request with this Idempotency-Key is being processed. Try again in a moment.")
	}
	row, err := q.IdempotencyKeyGet(ctx, tx, queries.IdempotencyKeyGetParams{ID: key.id, RetentionSeconds: retentionSeconds})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read idempotency key: %w", err)
	}
	if !bytes.Equal(row.Fingerprint, fingerprint) {
		return nil, fault.New(fault.KeyReused, "This Idempotency-Key was sent with another request. Use a new key for each request.")
	}
	text, err := key.decrypt(row.Answer, fingerprint)
	if err != nil {
		return nil, err
	}
	answer := &Answer{}
	if err := json.Unmarshal(text, answer); err != nil {
		return nil, fmt.Errorf("read kept answer: %w", err)
	}
	return answer, nil
}

// Keep stores the answer of the request that Begin let pass, in the same transaction.
func Keep(ctx context.Context, tx pgx.Tx, key Key, fingerprint []byte, answer Answer) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	sealed, err := key.encrypt(text, fingerprint)
	if err != nil {
		return err
	}
	err = q.IdempotencyKeyPut(ctx, tx, queries.IdempotencyKeyPutParams{ID: key.id, Fingerprint: fingerprint, Answer: sealed})
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	return nil
}
