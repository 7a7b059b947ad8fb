// Package ui keeps what user interfaces remember of everyone: which one-time pages somebody has seen, and what somebody was
// asked for.
//
// Nothing here changes the product, so nothing is told in the audit trail. It imports queries, fault, control/access and
// control/limit.
package ui

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	// MaxRemembered is how many splashes, and how much feedback, are remembered of one user.
	MaxRemembered = 1000

	maxIDLength = 255
)

// SetFeedback remembers of the actor of ctx when something was answered, and whether it may be asked for again. A nil
// givenAt means now.
func SetFeedback(ctx context.Context, tx pgx.Tx, id string, givenAt *time.Time, neverShow bool) (queries.UserFeedback, error) {
	user, err := userOf(ctx)
	if err != nil {
		return queries.UserFeedback{}, err
	}
	if err := checkID("feedbackId", id); err != nil {
		return queries.UserFeedback{}, err
	}
	count, err := q.UserFeedbackCount(ctx, tx, queries.UserFeedbackCountParams{UserID: user, FeedbackID: id})
	if err != nil {
		return queries.UserFeedback{}, fmt.Errorf("count feedback: %w", err)
	}
	if err := limit.Room("feedback", count, MaxRemembered); err != nil {
		return queries.UserFeedback{}, err
	}
	if givenAt == nil {
		now := time.Now()
		givenAt = &now
	}
	row, err := q.UserFeedbackSet(ctx, tx, queries.UserFeedbackSetParams{UserID: user, FeedbackID: id, GivenAt: givenAt, NeverShow: neverShow})
	if err != nil {
		return row, fmt.Errorf("store feedback: %w", err)
	}
	return row, nil
}

// SeeSplash remembers that the actor of ctx has seen a one-time page, and returns who that is.
func SeeSplash(ctx context.Context, tx pgx.Tx, id string) (user int32, err error) {
	if user, err = userOf(ctx); err != nil {
		return 0, err
	}
	if err := checkID("id", id); err != nil {
		return 0, err
	}
	count, err := q.UserSplashCount(ctx, tx, queries.UserSplashCountParams{UserID: user, SplashID: id})
	if err != nil {
		return 0, fmt.Errorf("count splashes: %w", err)
	}
	if err := limit.Room("splash", count, MaxRemembered); err != nil {
		return 0, err
	}
	if err := q.UserSplashSee(ctx, tx, queries.UserSplashSeeParams{UserID: user, SplashID: id}); err != nil {
		return 0, fmt.Errorf("store splash: %w", err)
	}
	return user, nil
}

// userOf is the id that things are remembered under. Admin tokens share one, as for favourites.
func userOf(ctx context.Context) (int32, error) {
	id := access.ActorFrom(ctx).UserID
	if id == nil {
		return 0, fault.New(fault.Refused, "Only users and tokens are remembered.")
	}
	return *id, nil
}

func checkID(name, id string) error {
	switch {
	case id == "":
		return fault.New(fault.Invalid, "%q is not allowed to be empty.", name)
	case utf8.RuneCountInString(id) > maxIDLength:
		return fault.New(fault.Invalid, "%q must have at most %d characters.", name, maxIDLength)
	}
	return nil
}
