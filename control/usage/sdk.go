package usage

import (
	"github.com/Masterminds/semver/v3"
)

// oldestSpecification is the first client specification that an SDK is not called outdated with. SDKs of an older major
// version decide by other rules than the server's: what they answer may differ from what the server would.
var oldestSpecification = semver.MustParse("5.0.0")

// Outdated reports whether an SDK that knows the client specification of that version is too old. Versions that cannot be
// read are not.
func Outdated(specification string) bool {
	version, err := semver.NewVersion(specification)
	return err == nil && version.LessThan(oldestSpecification)
}
