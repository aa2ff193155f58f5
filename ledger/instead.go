package ledger

import (
	"context"
	"errors"
)

// Instead is for a store that fails while it is used, and is not damaged: it is left as
// it is, and the ledger that takes its place lasts only until it is closed.
func (l *Ledger) Instead(ctx context.Context, cause error) (*Ledger, *Loss, error) {
	return ephemeral(ctx, l.name, &Loss{Cause: errors.Join(cause, l.Close())})
}
