package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// UpdateTagsSchema adds tags to a flag and removes others.
type UpdateTagsSchema struct {
	AddedTags   []TagSchema `json:"addedTags" nullable:"false" maxItems:"100"`
	RemovedTags []TagSchema `json:"removedTags" nullable:"false" maxItems:"100"`
}

// TagsBulkAddSchema adds tags to several flags and removes others.
type TagsBulkAddSchema struct {
	Features []string         `json:"features" nullable:"false" maxItems:"5000"`
	Tags     UpdateTagsSchema `json:"tags"`
}

// TaggedFeaturePath is the path of a flag that may be in any project.
type TaggedFeaturePath struct {
	Name string `path:"featureName" doc:"The flag's name"`
}

type (
	addTagInput struct {
		TaggedFeaturePath
		Body TagSchema
	}
	addTagOutput struct {
		Location string `header:"Location"`
		Body     TagSchema
	}
	updateTagsInput struct {
		TaggedFeaturePath
		Body UpdateTagsSchema
	}
	removeTagInput struct {
		TaggedFeaturePath
		TagPath
	}
	bulkTagsInput struct {
		ProjectPath
		Body TagsBulkAddSchema
	}
)

// Paths without a project: the control functions ask for the permission in the flag's own.
func (a *API) registerFeatureTags() {
	const group, ok, created = "Features", http.StatusOK, http.StatusCreated
	const tags = "/features/{featureName}/tags"
	read(a, access.Anyone, op(get, tags, "listTags", group), a.listFeatureTags)
	write(a, access.Anyone, op(post, tags, "addTag", group, status(created)), a.addTag)
	write(a, access.Anyone, op(put, tags, "updateTags", group, status(ok)), a.updateTags)
	write(a, access.Anyone, op(remove, tags+"/{type}/{value}", "removeTag", group, status(ok)), a.removeTag)
	write(a, access.UpdateFeature, op(put, "/projects/{projectId}/tags", "addTagToFeatures", "Tags", status(ok)), a.addTagToFeatures)
}

func (a *API) listFeatureTags(ctx context.Context, in *TaggedFeaturePath) (*tagsOutput, error) {
	tags, err := feature.Tags(ctx, a.pool, in.Name)
	return &tagsOutput{Body: tagsSchema(tags)}, err
}

func (a *API) addTag(ctx context.Context, tx pgx.Tx, in *addTagInput) (*addTagOutput, error) {
	err := feature.AddTag(ctx, tx, in.Name, feature.Tag(in.Body))
	return &addTagOutput{Location: in.Name + "/tags", Body: in.Body}, err
}

func (a *API) updateTags(ctx context.Context, tx pgx.Tx, in *updateTagsInput) (*tagsOutput, error) {
	if err := feature.ChangeTags(ctx, tx, in.Name, tagsOf(in.Body.AddedTags), tagsOf(in.Body.RemovedTags)); err != nil {
		return nil, err
	}
	tags, err := feature.Tags(ctx, tx, in.Name)
	return &tagsOutput{Body: tagsSchema(tags)}, err
}

func (a *API) removeTag(ctx context.Context, tx pgx.Tx, in *removeTagInput) (*struct{}, error) {
	return nil, feature.ChangeTags(ctx, tx, in.Name, nil, []feature.Tag{feature.Tag(in.TagPath)})
}

func (a *API) addTagToFeatures(ctx context.Context, tx pgx.Tx, in *bulkTagsInput) (*struct{}, error) {
	tags := in.Body.Tags
	return nil, feature.ChangeTagsOfAll(ctx, tx, in.Project, in.Body.Features, tagsOf(tags.AddedTags), tagsOf(tags.RemovedTags))
}

func tagsSchema(tags []feature.Tag) TagsSchema {
	schema := TagsSchema{Version: 1, Tags: make([]TagSchema, len(tags))}
	for i, t := range tags {
		schema.Tags[i] = TagSchema(t)
	}
	return schema
}
