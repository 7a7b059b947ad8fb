package admin

import (
	"context"
	"net/http"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/queries"
)

// TagTypeSchema is a kind of tag.
type TagTypeSchema struct {
	Name        string  `json:"name"`
	Description string  `json:"description" required:"false"`
	Icon        *string `json:"icon" required:"false" nullable:"true"`
	Color       *string `json:"color" required:"false" nullable:"true" pattern:"^#[0-9A-Fa-f]{6}$"`
}

// TagTypesSchema is a list of kinds of tags.
type TagTypesSchema struct {
	Version  int             `json:"version"`
	TagTypes []TagTypeSchema `json:"tagTypes" nullable:"false"`
}

// UpdateTagTypeSchema changes a kind of tag. What is left out stays.
type UpdateTagTypeSchema struct {
	Description *string `json:"description,omitempty"`
	Icon        *string `json:"icon,omitempty"`
	Color       *string `json:"color,omitempty" pattern:"^#[0-9A-Fa-f]{6}$"`
}

// ValidateTagTypeSchema says that a kind of tag can be created.
type ValidateTagTypeSchema struct {
	Valid   bool          `json:"valid"`
	TagType TagTypeSchema `json:"tagType"`
}

// TagsSchema is a list of tags.
type TagsSchema struct {
	Version int         `json:"version"`
	Tags    []TagSchema `json:"tags" nullable:"false"`
}

// TagWithVersionSchema is one tag.
type TagWithVersionSchema struct {
	Version int       `json:"version"`
	Tag     TagSchema `json:"tag"`
}

// TagTypePath is the path of a kind of tag.
type TagTypePath struct {
	Name string `path:"name" doc:"The tag type's name"`
}

// TagPath is the path of a tag.
type TagPath struct {
	Type  string `path:"type" doc:"The tag's type"`
	Value string `path:"value" doc:"The tag's value"`
}

type (
	tagTypesOutput        struct{ Body TagTypesSchema }
	tagTypeOutput         struct{ Body TagTypeSchema }
	tagTypeInput          struct{ Body TagTypeSchema }
	validateTagTypeOutput struct{ Body ValidateTagTypeSchema }
	tagsOutput            struct{ Body TagsSchema }
	tagOutput             struct{ Body TagWithVersionSchema }
	createTagInput        struct{ Body TagSchema }
	tagsOfTypeInput       struct {
		Type string `path:"type"`
	}
	updateTagTypeInput struct {
		TagTypePath
		Body UpdateTagTypeSchema
	}
	createTagTypeOutput struct {
		Location string `header:"Location"`
		Body     TagTypeSchema
	}
	createTagOutput struct {
		Location string `header:"Location"`
		Body     TagWithVersionSchema
	}
)

func (a *API) registerTags() {
	const group, ok, created = "Tags", http.StatusOK, http.StatusCreated
	read(a, access.Anyone, op(get, "/tag-types", "getTagTypes", group), a.tagTypes)
	write(a, access.CreateTagType, op(post, "/tag-types", "createTagType", group, status(created)), a.createTagType)
	read(a, access.OneOf(access.CreateTagType, access.UpdateTagType), op(post, "/tag-types/validate", "validateTagType", group), a.validateTagType)
	read(a, access.Anyone, op(get, "/tag-types/{name}", "getTagType", group), a.tagType)
	write(a, access.UpdateTagType, op(put, "/tag-types/{name}", "updateTagType", group, status(ok)), a.updateTagType)
	write(a, access.DeleteTagType, op(remove, "/tag-types/{name}", "deleteTagType", group, status(ok)), a.deleteTagType)
	read(a, access.Anyone, op(get, "/tags", "getTags", group), a.tags)
	write(a, access.UpdateFeature, op(post, "/tags", "createTag", group, status(created), mayBeNotFound), a.createTag)
	read(a, access.Anyone, op(get, "/tags/{type}", "getTagsByType", group), a.tagsOfType)
	read(a, access.Anyone, op(get, "/tags/{type}/{value}", "getTag", group), a.tag)
	write(a, access.UpdateFeature, op(remove, "/tags/{type}/{value}", "deleteTag", group, status(ok)), a.deleteTag)
}

func (a *API) tagTypes(ctx context.Context, _ *struct{}) (*tagTypesOutput, error) {
	rows, err := q.TagTypeList(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	out := &tagTypesOutput{Body: TagTypesSchema{Version: 1, TagTypes: []TagTypeSchema{}}}
	for _, row := range rows {
		out.Body.TagTypes = append(out.Body.TagTypes, TagTypeSchema(tag.TypeOf(row)))
	}
	return out, nil
}

func (a *API) tagType(ctx context.Context, in *TagTypePath) (*tagTypeOutput, error) {
	t, err := tag.GetType(ctx, a.pool, in.Name)
	return &tagTypeOutput{Body: TagTypeSchema(t)}, err
}

func (a *API) createTagType(ctx context.Context, tx pgx.Tx, in *tagTypeInput) (*createTagTypeOutput, error) {
	t, err := tag.CreateType(ctx, tx, tag.Type(in.Body))
	return &createTagTypeOutput{Location: "tag-types/" + t.Name, Body: TagTypeSchema(t)}, err
}

func (a *API) validateTagType(ctx context.Context, in *tagTypeInput) (*validateTagTypeOutput, error) {
	err := tag.CheckType(ctx, a.pool, tag.Type(in.Body))
	return &validateTagTypeOutput{Body: ValidateTagTypeSchema{Valid: true, TagType: in.Body}}, err
}

func (a *API) updateTagType(ctx context.Context, tx pgx.Tx, in *updateTagTypeInput) (*struct{}, error) {
	return nil, tag.UpdateType(ctx, tx, in.Name, func(t *tag.Type) {
		if in.Body.Description != nil {
			t.Description = *in.Body.Description
		}
		if in.Body.Icon != nil {
			t.Icon = in.Body.Icon
		}
		if in.Body.Color != nil {
			t.Color = in.Body.Color
		}
	})
}

func (a *API) deleteTagType(ctx context.Context, tx pgx.Tx, in *TagTypePath) (*struct{}, error) {
	return nil, tag.DeleteType(ctx, tx, in.Name)
}

func (a *API) tags(ctx context.Context, _ *struct{}) (*tagsOutput, error) {
	return a.listTags(ctx, nil)
}

func (a *API) tagsOfType(ctx context.Context, in *tagsOfTypeInput) (*tagsOutput, error) {
	return a.listTags(ctx, &in.Type)
}

func (a *API) listTags(ctx context.Context, kind *string) (*tagsOutput, error) {
	rows, err := q.TagList(ctx, a.pool, kind)
	if err != nil {
		return nil, err
	}
	out := &tagsOutput{Body: TagsSchema{Version: 1, Tags: []TagSchema{}}}
	for _, row := range rows {
		out.Body.Tags = append(out.Body.Tags, TagSchema{Type: row.Type, Value: row.Value})
	}
	return out, nil
}

func (a *API) tag(ctx context.Context, in *TagPath) (*tagOutput, error) {
	row, err := q.TagGet(ctx, a.pool, queries.TagGetParams{Type: in.Type, Value: in.Value})
	return &tagOutput{Body: TagWithVersionSchema{Version: 1, Tag: TagSchema{Type: row.Type, Value: row.Value}}}, err
}

func (a *API) createTag(ctx context.Context, tx pgx.Tx, in *createTagInput) (*createTagOutput, error) {
	t, err := tag.Create(ctx, tx, tag.Tag{Type: in.Body.Type, Value: in.Body.Value})
	return &createTagOutput{
		Location: "tags/" + url.PathEscape(t.Type) + "/" + url.PathEscape(t.Value),
		Body:     TagWithVersionSchema{Version: 1, Tag: TagSchema{Type: t.Type, Value: t.Value}},
	}, err
}

func (a *API) deleteTag(ctx context.Context, tx pgx.Tx, in *TagPath) (*struct{}, error) {
	return nil, tag.Delete(ctx, tx, tag.Tag(*in))
}
