// Package stubkey compares the keys of stubs as they stand on status systems. It makes
// none; package watch does.
package stubkey

import "lapsewatch/watch"

// SameCause reports that both are keys of the installation and of the same cause: the same
// stub, or an earlier one of it that a lost ledger had. Both may be any text.
func SameCause(standing, wanted, source string) bool {
	there, found := watch.FindIncidentKey(standing, source)
	asked, known := watch.FindIncidentKey(wanted, source)
	return found && known && there.SameCause(asked)
}
