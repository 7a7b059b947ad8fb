package constraint

import (
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"

	"github.com/pennonhq/pennon/fault"
)

// Operators lists every operator, in the order Unleash names them, with IN_CIDR of the newer SDKs at the end.
var Operators = []string{
	"NOT_IN", "IN", "STR_ENDS_WITH", "STR_STARTS_WITH", "STR_CONTAINS", "NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT",
	"NUM_LTE", "DATE_AFTER", "DATE_BEFORE", "SEMVER_EQ", "SEMVER_GT", "SEMVER_LT", "SEMVER_GTE", "SEMVER_LTE", "REGEX",
	"IN_CIDR",
}

// rule says what an operator compares with.
type rule struct {
	single bool               // one value rather than a list
	check  func(string) error // the form of a value; nil: any text
}

var operators = func() map[string]rule {
	rules := make(map[string]rule, len(Operators))
	for _, name := range Operators {
		switch {
		case strings.HasPrefix(name, "NUM_"):
			rules[name] = rule{single: true, check: checkNumber}
		case strings.HasPrefix(name, "DATE_"):
			rules[name] = rule{single: true, check: checkDate}
		case strings.HasPrefix(name, "SEMVER_"):
			rules[name] = rule{single: true, check: checkSemver}
		case name == "REGEX":
			rules[name] = rule{single: true, check: checkRegex}
		case name == "IN_CIDR":
			rules[name] = rule{check: checkCIDR}
		default:
			rules[name] = rule{}
		}
	}
	return rules
}()

// check applies the rules that need nothing but the constraint itself.
func (c Constraint) check() error {
	if c.ContextName == "" {
		return invalid(`"contextName" is not allowed to be empty.`)
	}
	if utf8.RuneCountInString(c.ContextName) > maxNameLength {
		return invalid(`"contextName" length must be less than or equal to 100 characters long.`)
	}
	known, ok := operators[c.Operator]
	if !ok {
		return invalid("The `operator` property must be equal to one of the allowed values: \"" +
			strings.Join(Operators, `", "`) + "\".")
	}
	if known.single {
		return checkSingle(known, c.Value)
	}
	for _, value := range c.Values {
		if err := checkListed(known, value); err != nil {
			return err
		}
	}
	return nil
}

func checkSingle(known rule, value *string) error {
	if value == nil {
		return invalid(`"value" is required.`)
	}
	if *value == "" {
		return invalid(`"value" is not allowed to be empty.`)
	}
	if utf8.RuneCountInString(*value) > maxSingleLength {
		return invalid(`"value" length must be less than or equal to ` + strconv.Itoa(maxSingleLength) + ` characters long.`)
	}
	return known.check(*value)
}

func checkListed(known rule, value string) error {
	if value == "" {
		return invalid(`"values" must not contain an empty value.`)
	}
	if utf8.RuneCountInString(value) > maxValueLength {
		return invalid(`"values" must not contain a value of more than ` + strconv.Itoa(maxValueLength) + ` characters.`)
	}
	if known.check == nil {
		return nil
	}
	return known.check(value)
}

func checkNumber(value string) error {
	text := strings.TrimSpace(value)
	number, err := strconv.ParseFloat(text, 64)
	// ParseFloat also reads hexadecimal, infinities and underscores, which no SDK does.
	if err != nil || math.IsInf(number, 0) || strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("0123456789+-.eE", r)
	}) {
		return invalid(`"value" must be a number. You provided ` + strconv.Quote(value) + `.`)
	}
	return nil
}

// dateLayouts are the forms of ISO 8601 that every SDK reads.
var dateLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly}

func checkDate(value string) error {
	if !slices.ContainsFunc(dateLayouts, func(layout string) bool {
		_, err := time.Parse(layout, value)
		return err == nil
	}) {
		return invalid(`"value" must be a valid date. You provided ` + strconv.Quote(value) + `.`)
	}
	return nil
}

func checkSemver(value string) error {
	if _, err := semver.StrictNewVersion(value); err != nil {
		return fault.New(fault.Invalid, "the provided value is not a valid semver format. The value provided was: %s", value)
	}
	return nil
}

func checkRegex(value string) error {
	if _, err := regexp.Compile(value); err != nil {
		return fault.New(fault.Invalid, "the provided value is not a valid regex string. Error: %s", err)
	}
	return nil
}

func checkCIDR(value string) error {
	if _, err := netip.ParsePrefix(value); err == nil {
		return nil
	}
	if _, err := netip.ParseAddr(value); err == nil {
		return nil
	}
	return invalid(`"values" must be IP addresses or CIDR blocks. You provided ` + strconv.Quote(value) + `.`)
}

// invalid is a fault whose only text is a detail, as Unleash answers for what its schemas find.
func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}
