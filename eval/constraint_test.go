package eval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// only gives a snapshot with one feature, "feature", that is on exactly when the constraint holds.
func only(constraint eval.Constraint) *eval.Snapshot {
	return eval.Compile([]eval.Feature{{
		Name: "feature", Enabled: true,
		Strategies: []eval.Strategy{{Name: "default", Constraints: []eval.Constraint{constraint}}},
	}}, nil)
}

func text(s string) *string { return &s }

func TestListOperators(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		operator string
		values   []string
		context  string // value of the property "field"; "-" leaves it out
		fold     bool
		want     bool
	}{
		{"in", "IN", []string{"a", "b"}, "b", false, true},
		{"in trims values", "IN", []string{" b\t"}, "b", false, true},
		{"in does not trim the context", "IN", []string{"b"}, " b", false, false},
		{"in is exact", "IN", []string{"B"}, "b", true, false},
		{"in without values", "IN", nil, "b", false, false},
		{"in absent", "IN", []string{"b"}, "-", false, false},
		{"in ignores empty values", "IN", []string{""}, "", false, false},
		{"blank value equals an empty property", "IN", []string{" "}, "", false, true},
		{"in many", "IN", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, "9", false, true},
		{"in many, none", "IN", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, "0", false, false},
		{"not in", "NOT_IN", []string{"a"}, "b", false, true},
		{"not in absent", "NOT_IN", []string{"a"}, "-", false, true},
		{"not in without values", "NOT_IN", nil, "a", false, true},
		{"not in many", "NOT_IN", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, "9", false, false},
		{"starts with", "STR_STARTS_WITH", []string{"x", "ab"}, "abc", false, true},
		{"starts with case", "STR_STARTS_WITH", []string{"AB"}, "abc", false, false},
		{"starts with folded", "STR_STARTS_WITH", []string{"AB"}, "aBc", true, true},
		{"starts with folded beyond ASCII", "STR_STARTS_WITH", []string{"ÅNG"}, "ångström", true, true},
		{"starts with folded, longer than the text", "STR_STARTS_WITH", []string{"ABCD"}, "abc", true, false},
		{"starts with, text not valid UTF-8", "STR_STARTS_WITH", []string{"a"}, "a\xff", true, true},
		{"starts with absent", "STR_STARTS_WITH", []string{"a"}, "-", false, false},
		{"starts with nothing", "STR_STARTS_WITH", []string{" "}, "abc", false, true},
		{"ends with", "STR_ENDS_WITH", []string{"bc"}, "abc", false, true},
		{"ends with folded", "STR_ENDS_WITH", []string{"STRÖM"}, "Ångström", true, true},
		{"ends with folded, only inside", "STR_ENDS_WITH", []string{"STR"}, "Ångström", true, false},
		{"ends with folded sigma", "STR_ENDS_WITH", []string{"ΟΔΟΣ"}, "οδος", true, true},
		{"ends with folded, repeated", "STR_ENDS_WITH", []string{"AAB"}, "aaaab", true, true},
		{"contains", "STR_CONTAINS", []string{"x", "b"}, "abc", false, true},
		{"contains folded", "STR_CONTAINS", []string{"NGS"}, "Ångström", true, true},
		{"contains folded, none", "STR_CONTAINS", []string{"NGZ"}, "Ångström", true, false},
		{"contains folded dotted I", "STR_CONTAINS", []string{"i̇s"}, "İstanbul", true, true},
		{"contains without values", "STR_CONTAINS", []string{}, "abc", false, false},
		{"cidr", "IN_CIDR", []string{"10.0.0.0/8"}, "10.1.2.3", false, true},
		{"cidr outside", "IN_CIDR", []string{"10.0.0.0/8"}, "11.1.2.3", false, false},
		{"cidr everything", "IN_CIDR", []string{"0.0.0.0/0"}, "11.1.2.3", false, true},
		{"cidr host bits in the range", "IN_CIDR", []string{"10.9.9.9/8"}, "10.1.2.3", false, true},
		{"cidr single address", "IN_CIDR", []string{"10.1.2.3"}, "10.1.2.3", false, true},
		{"cidr IPv6", "IN_CIDR", []string{"2001:db8::/32"}, "2001:DB8:0:1::ffff", false, true},
		{"cidr IPv6 outside", "IN_CIDR", []string{"2001:db8::/32"}, "2001:db9::1", false, false},
		{"cidr IPv6 with zone", "IN_CIDR", []string{"fe80::/10"}, "fe80::1%eth0", false, true},
		{"cidr IPv4 in an IPv6 range", "IN_CIDR", []string{"::/0"}, "10.1.2.3", false, false},
		{"cidr mapped IPv4 is IPv6", "IN_CIDR", []string{"10.0.0.0/8"}, "::ffff:10.1.2.3", false, false},
		{"cidr mapped IPv4 in its own range", "IN_CIDR", []string{"::ffff:10.0.0.0/104"}, "::ffff:10.1.2.3", false, true},
		{"cidr range within a range", "IN_CIDR", []string{"10.0.0.0/8"}, "10.1.0.0/16", false, true},
		{"cidr wider range", "IN_CIDR", []string{"10.1.0.0/16"}, "10.0.0.0/8", false, false},
		{"cidr leading zero", "IN_CIDR", []string{"10.0.0.0/8"}, "010.1.2.3", false, false},
		{"cidr bad prefix", "IN_CIDR", []string{"10.0.0.0/33"}, "10.1.2.3", false, false},
		{"cidr bad among good", "IN_CIDR", []string{"x", "10.0.0.0/8"}, "10.1.2.3", false, true},
		{"cidr absent", "IN_CIDR", []string{"10.0.0.0/8"}, "-", false, false},
		{"cidr text", "IN_CIDR", []string{"10.0.0.0/8"}, "ten", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			constraint := eval.Constraint{
				ContextName: "field", Operator: test.operator, Values: test.values, CaseInsensitive: test.fold,
			}
			requireBothWays(t, constraint, test.context, test.want)
		})
	}
}

func TestSingleValueOperators(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		operator string
		value    string
		context  string
		want     bool
	}{
		{"equal", "NUM_EQ", "7", "7.0", true},
		{"equal with space and exponent", "NUM_EQ", " 7e0 ", "7", true},
		{"hexadecimal", "NUM_EQ", "0x1F", "31", true},
		{"empty text is zero", "NUM_EQ", "0", "", true},
		{"greater", "NUM_GT", "7", "7.5", true},
		{"not greater", "NUM_GT", "7", "7", false},
		{"greater or equal", "NUM_GTE", "7", "7", true},
		{"less", "NUM_LT", "7", "-7", true},
		{"less or equal", "NUM_LTE", "7", "7.0001", false},
		{"infinity", "NUM_LT", "Infinity", "1e308", true},
		{"overflow is infinity", "NUM_EQ", "Infinity", "1e999", true},
		{"NaN is no number", "NUM_EQ", "NaN", "NaN", false},
		{"inf is no number", "NUM_GT", "0", "inf", false},
		{"bad context number", "NUM_LT", "7", "6a", false},
		{"bad constraint number", "NUM_LT", "7a", "6", false},
		{"separator", "NUM_EQ", "1000", "1_000", false},
		{"absent number", "NUM_LT", "7", "-", false},
		{"semver equal", "SEMVER_EQ", "1.2.3", "1.2.3", true},
		{"semver build has no order", "SEMVER_EQ", "1.2.3+a", "1.2.3+b", true},
		{"semver greater", "SEMVER_GT", "1.2.3", "1.10.0", true},
		{"semver release above its pre-release", "SEMVER_GT", "1.2.3-rc.1", "1.2.3", true},
		{"semver numeric pre-release", "SEMVER_GT", "1.2.3-rc.2", "1.2.3-rc.10", true},
		{"semver number below text", "SEMVER_LT", "1.2.3-rc", "1.2.3-99", true},
		{"semver shorter below longer", "SEMVER_LT", "1.2.3-rc.1", "1.2.3-rc", true},
		{"semver greater or equal", "SEMVER_GTE", "1.2.3", "1.2.3", true},
		{"semver less or equal", "SEMVER_LTE", "1.2.3", "1.2.4", false},
		{"semver leading v in the context", "SEMVER_EQ", "1.2.3", "v1.2.3", false},
		{"semver leading v in the constraint", "SEMVER_EQ", "v1.2.3", "1.2.3", true},
		{"semver leading zero", "SEMVER_EQ", "1.2.3", "1.02.3", false},
		{"semver two parts", "SEMVER_GT", "1.2.3", "1.3", false},
		{"semver bad constraint", "SEMVER_GT", "1.2", "1.3.0", false},
		{"semver too large", "SEMVER_GT", "1.2.3", "9007199254740992.0.0", false},
		{"semver absent", "SEMVER_LT", "1.2.3", "-", false},
		{"semver empty", "SEMVER_LT", "1.2.3", "", false},
		{"regex finds", "REGEX", `\d{3}`, "user-123", true},
		{"regex anchors", "REGEX", `^\d{3}$`, "user-123", false},
		{"regex on empty text", "REGEX", `^$`, "", true},
		{"regex invalid", "REGEX", `[`, "[", false},
		{"regex look-ahead is not RE2", "REGEX", `(?=a)`, "a", false},
		{"regex absent", "REGEX", `.*`, "-", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			constraint := eval.Constraint{ContextName: "field", Operator: test.operator, Value: &test.value}
			requireBothWays(t, constraint, test.context, test.want)
		})
	}
}

// requireBothWays checks the constraint and its inversion, which must be its opposite in every case.
func requireBothWays(t *testing.T, constraint eval.Constraint, value string, want bool) {
	t.Helper()
	ctx := &eval.Context{}
	if value != "-" {
		ctx.Properties = map[string]string{"field": value}
	}
	require.Equal(t, want, only(constraint).Enabled("feature", ctx))
	constraint.Inverted = true
	require.Equal(t, !want, only(constraint).Enabled("feature", ctx), "inverted")
}

func TestUnknownOperatorIsFalseEvenInverted(t *testing.T) {
	t.Parallel()
	for _, inverted := range []bool{false, true} {
		constraint := eval.Constraint{ContextName: "userId", Operator: "SOUNDS_LIKE", Values: []string{"a"}, Inverted: inverted}
		require.False(t, only(constraint).Enabled("feature", &eval.Context{UserID: "a"}))
	}
}

func TestMissingValueFailsEverySingleValueOperator(t *testing.T) {
	t.Parallel()
	for _, operator := range []string{"NUM_EQ", "DATE_AFTER", "DATE_BEFORE", "SEMVER_EQ", "REGEX"} {
		constraint := eval.Constraint{ContextName: "userId", Operator: operator}
		require.False(t, only(constraint).Enabled("feature", &eval.Context{UserID: "0"}), operator)
	}
}

func TestDateOperators(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		currentTime string
		value       string
		after       bool
		before      bool
	}{
		{"later", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00.000Z", true, false},
		{"earlier", "2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", false, true},
		{"same instant, other offset", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", false, false},
		{"offset without colon", "2026-01-01T02:00:00+0100", "2026-01-01T00:00:00Z", true, false},
		{"same millisecond", "2026-01-01T00:00:00.0009Z", "2026-01-01T00:00:00Z", false, false},
		{"date only", "2026-01-02", "2026-01-01", true, false},
		{"bad context date", "yesterday", "2026-01-01", false, false},
		{"bad constraint date", "2026-01-02", "tomorrow", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var ctx eval.Context
			ctx.SetCurrentTime(test.currentTime)
			after := only(eval.Constraint{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &test.value})
			before := only(eval.Constraint{ContextName: "currentTime", Operator: "DATE_BEFORE", Value: &test.value})
			require.Equal(t, test.after, after.Enabled("feature", &ctx))
			require.Equal(t, test.before, before.Enabled("feature", &ctx))
		})
	}
}

func TestDateOperatorsUseTheClockWhenTheContextHasNoTime(t *testing.T) {
	t.Parallel()
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	after := only(eval.Constraint{Operator: "DATE_AFTER", Value: text(past.Format(time.RFC3339))})
	before := only(eval.Constraint{Operator: "DATE_BEFORE", Value: text(past.Format(time.RFC3339))})
	require.True(t, after.Enabled("feature", nil))
	require.False(t, before.Enabled("feature", nil))
	require.False(t, after.Enabled("feature", &eval.Context{CurrentTime: past.Add(-time.Hour)}))
	require.True(t, before.Enabled("feature", &eval.Context{CurrentTime: past.Add(-time.Hour)}))
	require.True(t, after.Enabled("feature", &eval.Context{CurrentTime: future}))
}

func TestStandardFieldsHidePropertiesOfTheirName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"userId", "sessionId", "remoteAddress", "environment", "appName", "currentTime"} {
		snapshot := only(eval.Constraint{ContextName: name, Operator: "IN", Values: []string{"2026"}})
		properties := map[string]string{name: "2026"}
		require.True(t, snapshot.Enabled("feature", &eval.Context{Properties: properties}), name)
		ctx := eval.Context{
			UserID: "x", SessionID: "x", RemoteAddress: "x", Environment: "x", AppName: "x", Properties: properties,
		}
		ctx.SetCurrentTime("2025")
		require.False(t, snapshot.Enabled("feature", &ctx), name)
	}
}
