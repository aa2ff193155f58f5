package ledger

import (
	"errors"
	"fmt"
)

// What keeps a store from being used. Errors that hold one of them say what to do too,
// in the words of the database at hand.
var (
	ErrDamaged  = errors.New("the ledger is damaged")
	ErrForeign  = errors.New("this is not a ledger of Lapsewatch")
	ErrNewer    = errors.New("a newer version of Lapsewatch wrote this ledger")
	ErrReadOnly = errors.New("the ledger cannot be written")
	ErrFull     = errors.New("no space is left for the ledger")
	ErrBusy     = errors.New("another process is writing to the ledger")
	// ErrLost: the lease that the ledger was used under has ended.
	ErrLost = errors.New("this run holds the ledger no more: its lease ended, or another run took over")
)

// advice is what to do about one of the errors above.
type advice struct {
	about error
	todo  string
}

// advised adds what to do to an error.
func advised(err error, known []advice) error {
	for _, piece := range known {
		if errors.Is(err, piece.about) {
			return fmt.Errorf("%w: %s", err, piece.todo)
		}
	}
	return err
}
