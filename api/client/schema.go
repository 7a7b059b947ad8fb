package client

import "github.com/danielgtaylor/huma/v2"

// The types below describe bodies in the OpenAPI document, under Unleash's names where it has them. Flags are not encoded
// with them, as answers come from the replica, and reports are not decoded with them, as that is done leniently (body.go).

type clientFeaturesSchema struct {
	Version  int                       `json:"version" minimum:"0"`
	Features []clientFeatureSchema     `json:"features" nullable:"false"`
	Segments []clientSegmentSchema     `json:"segments,omitempty" nullable:"false" doc:"The segments that strategies refer to; absent when constraints are inlined"`
	Query    clientFeaturesQuerySchema `json:"query"`
	Meta     *clientFeaturesMetaSchema `json:"meta,omitempty"`
}

type clientFeaturesQuerySchema struct {
	Tag                      [][]string `json:"tag,omitempty" nullable:"false"`
	Project                  []string   `json:"project,omitempty" nullable:"false"`
	NamePrefix               string     `json:"namePrefix,omitempty"`
	Environment              string     `json:"environment,omitempty"`
	InlineSegmentConstraints bool       `json:"inlineSegmentConstraints,omitempty"`
}

type clientFeaturesMetaSchema struct {
	RevisionID int64  `json:"revisionId"`
	ETag       string `json:"etag"`
	QueryHash  string `json:"queryHash"`
}

type clientFeatureSchema struct {
	Name           string                   `json:"name"`
	Type           string                   `json:"type,omitempty"`
	Enabled        bool                     `json:"enabled"`
	Project        string                   `json:"project,omitempty"`
	Stale          bool                     `json:"stale,omitempty"`
	Strategies     []clientStrategySchema   `json:"strategies,omitempty" nullable:"false" doc:"Any of them turns the flag on; none at all does, too"`
	Variants       []clientVariantSchema    `json:"variants,omitempty" nullable:"false"`
	Description    *string                  `json:"description,omitempty" nullable:"true"`
	ImpressionData bool                     `json:"impressionData,omitempty"`
	Dependencies   []clientDependencySchema `json:"dependencies,omitempty" nullable:"false"`
}

type clientStrategySchema struct {
	Name        string                   `json:"name"`
	Constraints []clientConstraintSchema `json:"constraints,omitempty" nullable:"false"`
	Parameters  map[string]string        `json:"parameters,omitempty"`
	Variants    []clientVariantSchema    `json:"variants,omitempty" nullable:"false"`
	Segments    []int                    `json:"segments,omitempty" nullable:"false"`
}

type clientConstraintSchema struct {
	ContextName     string   `json:"contextName"`
	Operator        string   `json:"operator"`
	Values          []string `json:"values,omitempty" nullable:"false"`
	Value           string   `json:"value,omitempty"`
	Inverted        bool     `json:"inverted,omitempty"`
	CaseInsensitive bool     `json:"caseInsensitive,omitempty"`
}

type clientVariantSchema struct {
	Name       string                 `json:"name"`
	Weight     int                    `json:"weight" minimum:"0" maximum:"1000"`
	WeightType string                 `json:"weightType,omitempty" enum:"variable,fix"`
	Stickiness string                 `json:"stickiness,omitempty"`
	Payload    *clientPayloadSchema   `json:"payload,omitempty"`
	Overrides  []clientOverrideSchema `json:"overrides,omitempty" nullable:"false"`
}

type clientPayloadSchema struct {
	Type  string `json:"type" enum:"json,csv,string,number"`
	Value string `json:"value"`
}

type clientOverrideSchema struct {
	ContextName string   `json:"contextName"`
	Values      []string `json:"values" nullable:"false"`
}

type clientDependencySchema struct {
	Feature  string   `json:"feature"`
	Enabled  bool     `json:"enabled,omitempty" default:"true"`
	Variants []string `json:"variants,omitempty" nullable:"false"`
}

type clientSegmentSchema struct {
	ID          int                      `json:"id"`
	Name        string                   `json:"name,omitempty"`
	Constraints []clientConstraintSchema `json:"constraints" nullable:"false"`
}

type clientFeaturesDeltaSchema struct {
	Events []clientFeatureEventSchema `json:"events" nullable:"false" doc:"To be applied in this order"`
}

type clientFeatureEventSchema struct {
	Type        string                `json:"type" enum:"hydration,feature-updated,feature-removed,segment-updated,segment-removed"`
	EventID     int64                 `json:"eventId"`
	Features    []clientFeatureSchema `json:"features,omitempty" nullable:"false" doc:"Of a hydration"`
	Segments    []clientSegmentSchema `json:"segments,omitempty" nullable:"false" doc:"Of a hydration"`
	Feature     *clientFeatureSchema  `json:"feature,omitempty" doc:"Of feature-updated"`
	FeatureName string                `json:"featureName,omitempty" doc:"Of feature-removed"`
	Project     string                `json:"project,omitempty" doc:"Of feature-removed"`
	Segment     *clientSegmentSchema  `json:"segment,omitempty" doc:"Of segment-updated"`
	SegmentID   int                   `json:"segmentId,omitempty" doc:"Of segment-removed"`
}

// date is a moment in a report.
type date struct{}

// Schema implements huma.SchemaProvider.
func (date) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A date, or milliseconds since 1970",
		OneOf:       []*huma.Schema{{Type: huma.TypeString, Format: "date-time"}, {Type: huma.TypeInteger}},
	}
}

// ClientIdentity is what reports say of who reports. It is exported because huma looks into exported embedded types only.
type ClientIdentity struct {
	AppName         string `json:"appName" minLength:"1"`
	InstanceID      string `json:"instanceId,omitempty" default:"default"`
	ConnectionID    string `json:"connectionId,omitempty"`
	SDKVersion      string `json:"sdkVersion,omitempty"`
	PlatformName    string `json:"platformName,omitempty"`
	PlatformVersion string `json:"platformVersion,omitempty"`
	SpecVersion     string `json:"specVersion,omitempty"`
}

type clientApplicationSchema struct {
	ClientIdentity
	Started    date     `json:"started"`
	Interval   float64  `json:"interval" minimum:"0" doc:"Milliseconds between the reports to come"`
	Strategies []string `json:"strategies" doc:"Strategy types that the SDK can evaluate"`
}

type clientMetricsSchema struct {
	ClientIdentity
	Bucket        *clientMetricsBucketSchema `json:"bucket,omitempty"`
	ImpactMetrics []impactMetricSchema       `json:"impactMetrics,omitempty"`
}

type clientMetricsBucketSchema struct {
	Start   date                                 `json:"start"`
	Stop    date                                 `json:"stop"`
	Toggles map[string]clientMetricsToggleSchema `json:"toggles"`
}

type clientMetricsToggleSchema struct {
	ClientCounts
}

type bulkMetricsSchema struct {
	Applications []bulkRegistrationSchema `json:"applications" nullable:"false"`
	Metrics      []clientMetricsEnvSchema `json:"metrics" nullable:"false"`

	ImpactMetrics []impactMetricSchema `json:"impactMetrics,omitempty"`
	SeenTokens    []string             `json:"seenTokens,omitempty" doc:"Tokens that were used with the edge, or sha256: and the hash of each in hexadecimal digits; unknown ones are left out"`
}

type impactMetricSchema struct {
	Name    string               `json:"name"`
	Help    string               `json:"help,omitempty"`
	Type    string               `json:"type" enum:"counter,gauge,histogram"`
	Samples []impactSampleSchema `json:"samples" nullable:"false"`
}

type impactSampleSchema struct {
	Labels  map[string]string    `json:"labels,omitempty" doc:"appName and environment are added where they are missing"`
	Value   *float64             `json:"value,omitempty" doc:"Of counters and gauges"`
	Count   *int64               `json:"count,omitempty" doc:"Of histograms"`
	Sum     *float64             `json:"sum,omitempty" doc:"Of histograms"`
	Buckets []impactBucketSchema `json:"buckets,omitempty" doc:"Of histograms, ascending"`
}

type impactBucketSchema struct {
	UpTo  impactBound `json:"le"`
	Count int64       `json:"count"`
}

// impactBound is where a bucket ends.
type impactBound struct{}

// Schema implements huma.SchemaProvider.
func (impactBound) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A number, or +Inf",
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeString, Enum: []any{"+Inf"}}},
	}
}

type bulkRegistrationSchema struct {
	ClientIdentity
	Environment string   `json:"environment,omitempty" doc:"Applications of another one than the token's are left out"`
	Started     *date    `json:"started,omitempty"`
	Strategies  []string `json:"strategies,omitempty"`
	SDKType     string   `json:"sdkType,omitempty" doc:"backend or frontend"`
}

type clientMetricsEnvSchema struct {
	FeatureName string `json:"featureName"`
	AppName     string `json:"appName"`
	Environment string `json:"environment" doc:"Counts of another one than the token's are left out"`
	Timestamp   *date  `json:"timestamp,omitempty"`
	ClientCounts
}

// ClientCounts is how often a flag was asked for.
type ClientCounts struct {
	Yes      int64            `json:"yes,omitempty" minimum:"0" maximum:"2147483647"`
	No       int64            `json:"no,omitempty" minimum:"0" maximum:"2147483647"`
	Variants map[string]int64 `json:"variants,omitempty"`
}

type tokenStringListSchema struct {
	Tokens []string `json:"tokens" maxItems:"1000" nullable:"false"`
}

type validatedEdgeTokensSchema struct {
	Tokens []edgeTokenSchema `json:"tokens" nullable:"false"`
}
