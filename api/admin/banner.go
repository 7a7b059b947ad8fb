package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/banner"
	"github.com/pennonhq/pennon/queries"
)

// BannerSchema is a message for everybody who has the user interface open.
type BannerSchema struct {
	ID          int32    `json:"id"`
	Message     string   `json:"message" doc:"Markdown"`
	Enabled     bool     `json:"enabled" required:"false" doc:"Whether it is shown"`
	Variant     string   `json:"variant" required:"false" enum:"info,warning,error,success"`
	Sticky      bool     `json:"sticky" required:"false" doc:"Stays in view"`
	Icon        *string  `json:"icon" required:"false" nullable:"true" doc:"Name of an icon, or none"`
	Link        *string  `json:"link" required:"false" nullable:"true" doc:"A URL, a path, or dialog, which opens the dialog"`
	LinkText    *string  `json:"linkText" required:"false" nullable:"true"`
	DialogTitle *string  `json:"dialogTitle" required:"false" nullable:"true"`
	Dialog      *string  `json:"dialog" required:"false" nullable:"true" doc:"Markdown"`
	CreatedAt   api.Time `json:"createdAt"`
}

// BannersSchema is a list of banners, the newest first.
type BannersSchema struct {
	Banners []BannerSchema `json:"banners" nullable:"false"`
}

// CreateBannerSchema is a banner to make, or what replaces one.
type CreateBannerSchema struct {
	Message     string  `json:"message" doc:"Markdown"`
	Enabled     *bool   `json:"enabled,omitempty" doc:"Whether it is shown; default true"`
	Variant     string  `json:"variant,omitempty" enum:"info,warning,error,success" doc:"Default info"`
	Sticky      bool    `json:"sticky,omitempty" doc:"Stays in view"`
	Icon        *string `json:"icon,omitempty" nullable:"true"`
	Link        *string `json:"link,omitempty" nullable:"true" doc:"An http or https URL, a path, or dialog, which opens the dialog"`
	LinkText    *string `json:"linkText,omitempty" nullable:"true"`
	DialogTitle *string `json:"dialogTitle,omitempty" nullable:"true"`
	Dialog      *string `json:"dialog,omitempty" nullable:"true" doc:"Markdown"`
}

// BannerPath is the path of a banner.
type BannerPath struct {
	ID int32 `path:"id" minimum:"0" maximum:"2147483647" doc:"The banner's id"`
}

type (
	bannersOutput      struct{ Body BannersSchema }
	bannerOutput       struct{ Body BannerSchema }
	createBannerInput  struct{ Body CreateBannerSchema }
	createBannerOutput struct {
		Location string `header:"Location"`
		Body     BannerSchema
	}
	updateBannerInput struct {
		BannerPath
		Body CreateBannerSchema
	}
)

func (a *API) registerBanners() {
	const tag, one = "Banners", "/banners/{id}"
	read(a, access.Anyone, op(get, "/banners", "getBanners", tag), a.banners)
	read(a, access.Anyone, op(get, one, "getBanner", tag), a.banner) // Unleash has no such operation; here it gives the version
	write(a, access.UpdateBanners, op(post, "/banners", "createBanner", tag, status(http.StatusCreated)), a.createBanner)
	write(a, access.UpdateBanners, op(put, one, "updateBanner", tag), a.updateBanner)
	write(a, access.UpdateBanners, op(remove, one, "deleteBanner", tag, status(http.StatusNoContent)), a.deleteBanner)
	write(a, access.UpdateBanners, op(post, one+"/on", "enableBanner", tag, status(http.StatusNoContent)), a.enableBanner)
	write(a, access.UpdateBanners, op(post, one+"/off", "disableBanner", tag, status(http.StatusNoContent)), a.disableBanner)
}

func (a *API) banners(ctx context.Context, _ *struct{}) (*bannersOutput, error) {
	rows, err := q.BannerList(ctx, a.pool)
	out := &bannersOutput{Body: BannersSchema{Banners: make([]BannerSchema, len(rows))}}
	for i, row := range rows {
		out.Body.Banners[i] = bannerSchema(row)
	}
	return out, err
}

func (a *API) banner(ctx context.Context, in *BannerPath) (*bannerOutput, error) {
	row, err := banner.Get(ctx, a.pool, in.ID)
	return &bannerOutput{Body: bannerSchema(row)}, err
}

func (a *API) createBanner(ctx context.Context, tx pgx.Tx, in *createBannerInput) (*createBannerOutput, error) {
	row, err := banner.Create(ctx, tx, in.Body.input())
	return &createBannerOutput{Location: "banners/" + strconv.Itoa(int(row.ID)), Body: bannerSchema(row)}, err
}

func (a *API) updateBanner(ctx context.Context, tx pgx.Tx, in *updateBannerInput) (*bannerOutput, error) {
	row, err := banner.Update(ctx, tx, in.ID, in.Body.input())
	return &bannerOutput{Body: bannerSchema(row)}, err
}

func (a *API) deleteBanner(ctx context.Context, tx pgx.Tx, in *BannerPath) (*struct{}, error) {
	return nil, banner.Delete(ctx, tx, in.ID)
}

func (a *API) enableBanner(ctx context.Context, tx pgx.Tx, in *BannerPath) (*struct{}, error) {
	return nil, banner.Show(ctx, tx, in.ID, true)
}

func (a *API) disableBanner(ctx context.Context, tx pgx.Tx, in *BannerPath) (*struct{}, error) {
	return nil, banner.Show(ctx, tx, in.ID, false)
}

func (s CreateBannerSchema) input() banner.Input {
	return banner.Input{
		Message: s.Message, Enabled: s.Enabled == nil || *s.Enabled, Variant: s.Variant, Sticky: s.Sticky, Icon: s.Icon,
		Link: s.Link, LinkText: s.LinkText, DialogTitle: s.DialogTitle, Dialog: s.Dialog,
	}
}

func bannerSchema(row queries.Banner) BannerSchema {
	return BannerSchema{
		ID: row.ID, Message: row.Message, Enabled: row.Enabled, Variant: row.Variant, Sticky: row.Sticky, Icon: row.Icon,
		Link: row.Link, LinkText: row.LinkText, DialogTitle: row.DialogTitle, Dialog: row.Dialog, CreatedAt: api.At(row.CreatedAt),
	}
}
