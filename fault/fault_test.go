package fault

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFault(t *testing.T) {
	t.Parallel()

	t.Run("IsFoundThroughWrapping", func(t *testing.T) {
		t.Parallel()
		err := fmt.Errorf("create flag: %w", New(NameTaken, "A flag with that name already exists"))
		require.True(t, Is(err, NameTaken))
		require.False(t, Is(err, NotFound))
		require.Equal(t, "A flag with that name already exists", As(err).Message)
	})

	t.Run("KeepsItsCauseForTheLogOnly", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("connection refused")
		f := Wrap(Unavailable, cause, "The database cannot be reached.")
		require.ErrorIs(t, f, cause)
		require.Equal(t, "The database cannot be reached.", f.Message)
		require.Contains(t, f.Error(), "connection refused")
	})

	t.Run("OtherErrorsAreNone", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, As(errors.New("x")))
		require.False(t, Is(nil, NotFound))
	})
}
