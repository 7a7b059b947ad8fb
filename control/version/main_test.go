package version_test

import (
	"os"
	"testing"

	"github.com/pennonhq/pennon/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }
