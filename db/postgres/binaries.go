package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Binaries is a directory with the programs of one PostgreSQL version.
type Binaries struct {
	dir   string
	major int
}

// Dir is the directory that holds postgres and initdb.
func (b Binaries) Dir() string { return b.dir }

// Major is the major version, such as 15.
func (b Binaries) Major() int { return b.major }

// installPlaces are where distributions and package systems put PostgreSQL's programs without linking them onto PATH.
var installPlaces = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // RHEL, Fedora (PGDG)
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on ARM
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin", // built from source
}

// errRemedies ends every way of finding PostgreSQL that failed.
var errRemedies = errors.New("no PostgreSQL to run: set DATABASE_URL to a server you have, " +
	"or install PostgreSQL " + strconv.Itoa(MinimumVersion) + " or newer (Debian: apt-get install postgresql; macOS: brew install postgresql@17), " +
	"or name the directory of its programs with POSTGRES_BIN_DIR")

// FindBinaries returns the programs to use: those in dir when dir is given; else postgres on PATH; else the newest version
// in the usual places; else what it can fetch: the distribution's package when root on Debian, or a downloaded build.
func FindBinaries(ctx context.Context, dir string, logger *slog.Logger) (Binaries, error) {
	if dir != "" {
		return inspect(ctx, dir)
	}
	if b, ok := installed(ctx); ok {
		return b, nil
	}
	var failures []error
	for _, fetch := range []func(context.Context, *slog.Logger) error{installPackage, download} {
		if err := fetch(ctx, logger); err != nil {
			failures = append(failures, err)
			continue
		}
		if b, ok := installed(ctx); ok {
			return b, nil
		}
	}
	return Binaries{}, errors.Join(append([]error{errRemedies}, failures...)...)
}

// installed looks for programs that are there already and new enough.
func installed(ctx context.Context) (Binaries, bool) {
	if path, err := exec.LookPath("postgres"); err == nil {
		// PATH may hold a link to postgres alone; initdb is where the link leads to.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		if b, err := inspect(ctx, filepath.Dir(path)); err == nil {
			return b, true
		}
	}
	var found []Binaries
	for _, pattern := range append(slices.Clone(installPlaces), downloadPattern()) {
		dirs, _ := filepath.Glob(pattern) // the patterns are well-formed
		for _, dir := range dirs {
			if b, err := inspect(ctx, dir); err == nil {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		return Binaries{}, false
	}
	return slices.MaxFunc(found, func(a, b Binaries) int { return cmp.Compare(a.major, b.major) }), true
}

var versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// inspect checks that dir holds what is needed in a version that will do.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, fmt.Errorf("PostgreSQL programs in %s: %w", dir, err)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("PostgreSQL programs in %s: %w", dir, err)
	}
	match := versionNumber.FindSubmatch(out)
	if match == nil {
		return Binaries{}, fmt.Errorf("PostgreSQL programs in %s: unknown version %q", dir, out)
	}
	major, err := strconv.Atoi(string(match[1]))
	if err != nil || major < MinimumVersion {
		return Binaries{}, fmt.Errorf("PostgreSQL programs in %s: version %s is older than %d", dir, match[1], MinimumVersion)
	}
	return Binaries{dir: dir, major: major}, nil
}
