package feature

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Stage is how far a flag has come in its life.
type Stage string

// The stages, in their order. A flag may skip some.
const (
	StageInitial   Stage = "initial"   // created
	StagePreLive   Stage = "pre-live"  // asked for by an application somewhere
	StageLive      Stage = "live"      // asked for in production
	StageCompleted Stage = "completed" // somebody decided what becomes of it
	StageArchived  Stage = "archived"
)

// Stages lists all stages in their order.
func Stages() []Stage {
	return []Stage{StageInitial, StagePreLive, StageLive, StageCompleted, StageArchived}
}

// StageEntry says when a flag reached a stage. Status is the decision, at StageCompleted only.
type StageEntry struct {
	Stage     Stage
	EnteredAt time.Time
	Status    string
}

// Completion is the decision that completes a flag, as audit events show it. Status is kept, discarded or
// kept-with-variant; Value names the variant.
type Completion struct {
	Status string  `json:"status"`
	Value  *string `json:"statusValue,omitempty"`
}

const maxStatusValueLength = 255

// Lifecycle reads the stages that a flag has reached, in their order.
func Lifecycle(ctx context.Context, tx queries.DBTX, project, name string) ([]StageEntry, error) {
	row, err := Get(ctx, tx, project, name)
	if err != nil {
		return nil, err
	}
	return LifecycleOf(ctx, tx, row)
}

// LifecycleOf reads the stages that the flag of a row has reached, in their order.
func LifecycleOf(ctx context.Context, tx queries.DBTX, row queries.Feature) ([]StageEntry, error) {
	life, err := q.FeatureLifecycleGet(ctx, tx, row.Name)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read lifecycle: %w", err)
	}
	return StagesOf(row, life), nil
}

// StagesOf lists the stages that a flag has reached, in their order; initial is always among them.
func StagesOf(row queries.Feature, life queries.FeatureLifecycle) []StageEntry {
	entries := []StageEntry{{Stage: StageInitial, EnteredAt: row.CreatedAt}}
	reach := func(stage Stage, at *time.Time, status string) {
		if at != nil {
			entries = append(entries, StageEntry{stage, *at, status})
		}
	}
	reach(StagePreLive, life.PreLiveAt, "")
	reach(StageLive, life.LiveAt, "")
	status := ""
	if life.Status != nil {
		status = *life.Status
	}
	reach(StageCompleted, life.CompletedAt, status)
	reach(StageArchived, row.ArchivedAt, "")
	return entries
}

// CurrentStage is the last of the stages a flag has reached.
func CurrentStage(entries []StageEntry) StageEntry { return entries[len(entries)-1] }

// Complete notes what was decided of an active flag. It changes nothing that SDKs see. A flag completed before keeps its
// time and gets the new decision.
func Complete(ctx context.Context, tx pgx.Tx, project, name string, decision Completion) error {
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"kept", "discarded", "kept-with-variant"}, decision.Status) {
		return invalid("\"status\" must be one of [kept, discarded, kept-with-variant].")
	}
	if decision.Value != nil && utf8.RuneCountInString(*decision.Value) > maxStatusValueLength {
		return invalid(fmt.Sprintf("\"statusValue\" must have at most %d characters.", maxStatusValueLength))
	}
	old, err := q.FeatureLifecycleGet(ctx, tx, name)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("read lifecycle: %w", err)
	}
	if equalText(old.Status, &decision.Status) && equalText(old.StatusValue, decision.Value) {
		return nil
	}
	err = q.FeatureLifecycleComplete(ctx, tx, queries.FeatureLifecycleCompleteParams{
		Feature: name, Status: decision.Status, StatusValue: decision.Value,
	})
	if err != nil {
		return fmt.Errorf("complete feature: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureCompleted, row, decision, nil)
}

// Uncomplete takes the decision back: the flag is where it was before.
func Uncomplete(ctx context.Context, tx pgx.Tx, project, name string) error {
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return err
	}
	reopened, err := q.FeatureLifecycleUncomplete(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("uncomplete feature: %w", err)
	}
	if reopened == 0 {
		return fault.New(fault.Invalid, "The feature \"%s\" is not completed.", name)
	}
	return appendEvent(ctx, tx, event.FeatureUncompleted, row, nil, nil)
}
