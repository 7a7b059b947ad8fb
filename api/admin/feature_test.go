package admin_test

import (
	"strings"
	"testing"
)

const (
	p  = "/projects/default"
	fs = p + "/features"
)

func problem(name, message string, details ...string) string {
	if len(details) == 0 {
		details = []string{message}
	}
	list := make([]string, len(details))
	for i, detail := range details {
		list[i] = `{"message":` + quote(detail) + `}`
	}
	return `{"name":` + quote(name) + `,"message":` + quote(message) + `,"details":[` + strings.Join(list, ",") + `]}`
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

const invalid = "Request validation failed: your request body or params contain invalid data. Refer to the `details` list for more information."

func TestFeatures(t *testing.T) {
	t.Parallel()
	newServer(t).run(t, []step{
		{
			does: "creates a flag", method: "POST", path: fs, status: 201,
			body:   `{"name":"f1","description":"d","type":"release","impressionData":true,"unknown":1}`,
			want:   `{"name":"f1","description":"d","type":"release","project":"default","stale":false,"createdAt":"T","impressionData":true,"archived":false}`,
			events: []string{"feature-created default/f1/-"}, changes: []string{"feature f1 *"},
		},
		{
			does: "refuses a name that is taken", method: "POST", path: fs, body: `{"name":"f1"}`, status: 409,
			want: problem("NameExistsError", "A flag with that name already exists"), changes: []string{},
		},
		{
			does: "refuses a name with a space", method: "POST", path: fs, body: `{"name":"bad name"}`, status: 400,
			want: problem("BadDataError", invalid, `"name" must be URL friendly. You provided "bad name".`),
		},
		{
			does: "refuses ..", method: "POST", path: fs, body: `{"name":".."}`, status: 400,
			want: problem("BadDataError", invalid, `"name" must be URL friendly. You provided "..".`),
		},
		{
			does: "refuses an empty name", method: "POST", path: fs, body: `{"name":""}`, status: 400,
			want: problem("BadDataError", invalid, `"name" is not allowed to be empty.`),
		},
		{
			does: "refuses a long name", method: "POST", path: fs, body: `{"name":"` + strings.Repeat("x", 101) + `"}`, status: 400,
			want: problem("BadDataError", invalid, `"name" length must be less than or equal to 100 characters long. You provided "`+strings.Repeat("x", 101)+`".`),
		},
		{
			does: "misses a name", method: "POST", path: fs, body: `{}`, status: 400,
			want: "~The `/body/name` property is required. It was not present on the data you sent.",
		},
		{
			does: "refuses an unknown type", method: "POST", path: fs, body: `{"name":"ftag","type":"nope"}`, status: 400,
			want: "~You provided \\\"nope\\\", which is not valid.", changes: []string{},
		},
		{
			does: "does not know the project", method: "POST", path: "/projects/nope/features", body: `{"name":"f3"}`, status: 404,
			want: problem("NotFoundError", "Active project with id nope does not exist"),
		},
		{
			does: "refuses an unknown tag type and creates nothing", method: "POST", path: fs, status: 400,
			body: `{"name":"f2","tags":[{"type":"simple","value":"t1"},{"type":"nope","value":"t1"}]}`,
			want: "~Could not find tag type with name nope", changes: []string{},
		},
		{
			does: "creates a flag with tags", method: "POST", path: fs, status: 201,
			body:   `{"name":"f2","type":"experiment","tags":[{"type":"simple","value":"t1"}]}`,
			want:   `{"name":"f2","description":null,"type":"experiment","project":"default","stale":false,"createdAt":"T","impressionData":false,"archived":false}`,
			events: []string{"feature-created default/f2/-", "feature-tagged default/f2/-"}, changes: []string{"feature f2 *"},
		},
		{
			does: "shows all of a flag", method: "GET", path: fs + "/f1", status: 200,
			want: `{"environments":[
				{"name":"development","lastSeenAt":null,"enabled":false,"yes":0,"no":0,"type":"development","sortOrder":100,"strategies":[]},
				{"name":"production","lastSeenAt":null,"enabled":false,"yes":0,"no":0,"type":"production","sortOrder":200,"strategies":[]}],
				"name":"f1","impressionData":true,"description":"d","project":"default","stale":false,"createdAt":"T","type":"release","archived":false,
				"createdBy":` + adminUser + `,"dependencies":[],"children":[],"links":[],"favorite":false,"lifecycle":{"stage":"initial","enteredStageAt":"T"},"collaborators":{"users":[` + adminUser + `]}}`,
		},
		{
			does: "does not find a flag", method: "GET", path: fs + "/nope", status: 404,
			want: problem("NotFoundError", `There's no feature named "nope" in project "default".`),
		},
		{
			does: "does not find a flag in another project", method: "GET", path: "/projects/other/features/f1", status: 404,
			want: problem("NotFoundError", `There's no feature named "f1" in project "other", but there's a feature with that name in project "default"`),
		},
		{
			does: "lists flags by name", method: "GET", path: fs, status: 200,
			want: `{"version":2,"features":[
				{"type":"release","description":"d","favorite":false,"name":"f1","createdAt":"T","stale":false,"impressionData":true,"environments":` + idleEnvironments + `},
				{"type":"experiment","description":null,"favorite":false,"name":"f2","createdAt":"T","stale":false,"impressionData":false,"environments":` + idleEnvironments + `,"tags":[{"type":"simple","value":"t1"}]}]}`,
		},
		{
			does: "updates a flag", method: "PUT", path: fs + "/f1", status: 200,
			body:   `{"name":"f1","description":"new","type":"release","stale":false,"impressionData":false}`,
			want:   `{"name":"f1","description":"new","type":"release","project":"default","stale":false,"createdAt":"T","impressionData":false,"archived":false}`,
			events: []string{"feature-metadata-updated default/f1/-"}, changes: []string{"feature f1 *"},
		},
		{
			does: "leaves no trace of an update that changes nothing", method: "PUT", path: fs + "/f1", status: 200,
			body: `{"description":"new","type":"release"}`, changes: []string{},
		},
		{
			does: "patches a flag", method: "PATCH", path: fs + "/f1", body: `[{"op":"replace","path":"/description","value":null}]`, status: 200,
			want:   `{"name":"f1","description":null,"type":"release","project":"default","stale":false,"createdAt":"T","impressionData":false,"archived":false}`,
			events: []string{"feature-metadata-updated default/f1/-"},
		},
		{
			does: "patches stale", method: "PATCH", path: fs + "/f1", body: `[{"op":"replace","path":"/stale","value":true}]`, status: 200,
			events: []string{"feature-stale-on default/f1/-"}, changes: []string{"feature f1 *"},
		},
		{
			does: "refuses to patch the name", method: "PATCH", path: fs + "/f1", body: `[{"op":"replace","path":"/name","value":"f9"}]`, status: 400,
			want: "~A patch cannot change the name", changes: []string{},
		},
		{does: "refuses a patch of the wrong type", method: "PATCH", path: fs + "/f1", body: `[{"op":"replace","path":"/stale","value":"x"}]`, status: 400},
		{does: "refuses a patch of nothing", method: "PATCH", path: fs + "/f1", body: `[{"op":"remove","path":"/nope"}]`, status: 400},
		{
			does: "marks in bulk, once", method: "POST", path: p + "/stale", body: `{"features":["f2","f1","f2"],"stale":true}`, status: 202,
			events: []string{"feature-stale-on default/f2/-"},
		},
		{
			does: "passes over unknown flags of a batch", method: "POST", path: p + "/stale", body: `{"features":["f2","nope"],"stale":false}`, status: 202,
			events: []string{"feature-stale-off default/f2/-"}, changes: []string{"feature f2 *"},
		},
		{
			does: "puts back to the default what a replacement leaves out", method: "PUT", path: fs + "/f2", body: `{}`, status: 200,
			want:   `{"name":"f2","description":null,"type":"release","project":"default","stale":false,"createdAt":"T","impressionData":false,"archived":false}`,
			events: []string{"feature-metadata-updated default/f2/-"},
		},
		{does: "finds a name free", method: "POST", path: "/features/validate", body: `{"name":"fnew","projectId":null}`, status: 200},
		{does: "finds a name free in a project that is not there", method: "POST", path: "/features/validate", body: `{"name":"fnew","projectId":"nope"}`, status: 200},
		{does: "finds a name taken", method: "POST", path: "/features/validate", body: `{"name":"f1"}`, status: 409},
		{does: "finds a name bad", method: "POST", path: "/features/validate", body: `{"name":"a/b","projectId":"default"}`, status: 400},
	})
}

const (
	adminUser = `{"id":-42,"name":"admin","imageUrl":"https://gravatar.com/avatar/8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918?s=42&d=retro&r=g"}`

	idleEnvironments = `[
		{"name":"development","enabled":false,"type":"development","sortOrder":100,"variantCount":0,"lastSeenAt":null,"hasStrategies":false,"hasEnabledStrategies":false},
		{"name":"production","enabled":false,"type":"production","sortOrder":200,"variantCount":0,"lastSeenAt":null,"hasStrategies":false,"hasEnabledStrategies":false}]`
)
