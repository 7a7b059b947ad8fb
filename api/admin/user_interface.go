package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/ui"
	"github.com/pennonhq/pennon/queries"
)

// FeedbackCreateSchema notes that the caller was asked for something.
type FeedbackCreateSchema struct {
	FeedbackID string `json:"feedbackId" minLength:"1" maxLength:"255"`
	NeverShow  bool   `json:"neverShow,omitempty" doc:"Never ask again"`
}

// FeedbackUpdateSchema changes what is noted.
type FeedbackUpdateSchema struct {
	UserID    *int32     `json:"userId,omitempty" doc:"Ignored: it is the caller's"`
	NeverShow bool       `json:"neverShow,omitempty" doc:"Never ask again"`
	Given     *time.Time `json:"given,omitempty" nullable:"true" doc:"When it was answered; default now"`
}

// FeedbackResponseSchema is what is noted of the caller.
type FeedbackResponseSchema struct {
	UserID     int32     `json:"userId" required:"false"`
	NeverShow  bool      `json:"neverShow" required:"false"`
	Given      *api.Time `json:"given" required:"false" nullable:"true"`
	FeedbackID string    `json:"feedbackId" required:"false"`
}

// SplashResponseSchema says that the caller has seen a one-time page.
type SplashResponseSchema struct {
	UserID   int32  `json:"userId"`
	SplashID string `json:"splashId"`
	Seen     bool   `json:"seen"`
}

// RecordUIErrorSchema is an error in a user interface.
type RecordUIErrorSchema struct {
	ErrorMessage string `json:"errorMessage"`
	ErrorStack   string `json:"errorStack,omitempty"`
}

// MeSchema is the caller.
type MeSchema struct {
	User        UserSchema               `json:"user"`
	Permissions []PermissionSchema       `json:"permissions" nullable:"false"`
	Feedback    []FeedbackResponseSchema `json:"feedback" nullable:"false"`
	Splash      map[string]bool          `json:"splash" nullable:"false" doc:"One-time pages that the caller has seen"`
}

// UserSchema is a user, or an admin token in the place of one.
type UserSchema struct {
	ID          int32    `json:"id"`
	Name        *string  `json:"name,omitempty" nullable:"true"`
	Username    *string  `json:"username,omitempty" nullable:"true"`
	ImageURL    string   `json:"imageUrl,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

// PermissionSchema is something the caller may do, everywhere unless it names a project or an environment.
type PermissionSchema struct {
	Permission  string `json:"permission"`
	Project     string `json:"project,omitempty"`
	Environment string `json:"environment,omitempty"`
}

type (
	createFeedbackInput struct{ Body FeedbackCreateSchema }
	updateFeedbackInput struct {
		ID   string `path:"id" doc:"The feedback's id"`
		Body FeedbackUpdateSchema
	}
	feedbackOutput struct{ Body FeedbackResponseSchema }
	splashInput    struct {
		ID string `path:"id" doc:"The page's id"`
	}
	splashOutput       struct{ Body SplashResponseSchema }
	recordUIErrorInput struct{ Body RecordUIErrorSchema }
	meOutput           struct{ Body MeSchema }
)

func (a *API) registerUserInterface() {
	const tag = "Admin UI"
	write(a, access.Anyone, op(post, "/feedback", "createFeedback", tag, status(http.StatusOK)), a.createFeedback)
	write(a, access.Anyone, op(put, "/feedback/{id}", "updateFeedback", tag), a.updateFeedback)
	write(a, access.Anyone, op(post, "/splash/{id}", "updateSplashSettings", tag, status(http.StatusOK)), a.seeSplash)
	read(a, access.Anyone, op(post, "/record-ui-error", "uiObservability", tag, status(http.StatusNoContent)), a.recordUIError)
	read(a, access.Anyone, op(get, "/user", "getMe", "Users"), a.me)
}

func (a *API) createFeedback(ctx context.Context, tx pgx.Tx, in *createFeedbackInput) (*feedbackOutput, error) {
	row, err := ui.SetFeedback(ctx, tx, in.Body.FeedbackID, nil, in.Body.NeverShow)
	return &feedbackOutput{feedbackSchema(row)}, err
}

func (a *API) updateFeedback(ctx context.Context, tx pgx.Tx, in *updateFeedbackInput) (*feedbackOutput, error) {
	row, err := ui.SetFeedback(ctx, tx, in.ID, in.Body.Given, in.Body.NeverShow)
	return &feedbackOutput{feedbackSchema(row)}, err
}

func (a *API) seeSplash(ctx context.Context, tx pgx.Tx, in *splashInput) (*splashOutput, error) {
	user, err := ui.SeeSplash(ctx, tx, in.ID)
	return &splashOutput{SplashResponseSchema{UserID: user, SplashID: in.ID, Seen: true}}, err
}

// Bounds of what is logged of an error in a user interface, in bytes.
const (
	maxUIErrorMessage = 500
	maxUIErrorStack   = 4000
)

func (a *API) recordUIError(ctx context.Context, in *recordUIErrorInput) (*struct{}, error) {
	message, stack := in.Body.ErrorMessage, in.Body.ErrorStack
	a.http.Logger().WarnContext(ctx, "error in a user interface", "component", "admin", "request", api.RequestID(ctx),
		"message", message[:min(len(message), maxUIErrorMessage)], "stack", stack[:min(len(stack), maxUIErrorStack)])
	return nil, nil
}

func (a *API) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	actor := access.ActorFrom(ctx)
	brief := userBrief(actor.UserID, actor.Name)
	out := &meOutput{MeSchema{
		User:        UserSchema{ID: brief.ID, Username: &actor.Name, ImageURL: brief.ImageURL},
		Permissions: []PermissionSchema{}, Feedback: []FeedbackResponseSchema{}, Splash: map[string]bool{},
	}}
	for _, grant := range actor.Grants {
		out.Body.Permissions = append(out.Body.Permissions, PermissionSchema{
			Permission: string(grant.Permission), Project: grant.Project, Environment: grant.Environment,
		})
	}
	feedback, err := q.UserFeedbackList(ctx, a.pool, brief.ID)
	if err != nil {
		return nil, err
	}
	for _, row := range feedback {
		out.Body.Feedback = append(out.Body.Feedback, feedbackSchema(row))
	}
	seen, err := q.UserSplashList(ctx, a.pool, brief.ID)
	for _, id := range seen {
		out.Body.Splash[id] = true
	}
	return out, err
}

func feedbackSchema(row queries.UserFeedback) FeedbackResponseSchema {
	return FeedbackResponseSchema{
		UserID: row.UserID, NeverShow: row.NeverShow, Given: api.AtOrNil(row.GivenAt), FeedbackID: row.FeedbackID,
	}
}
