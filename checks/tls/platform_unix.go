//go:build unix

package tls

import "golang.org/x/sys/unix"

// openFileLimit is the number of file descriptors that the process may hold.
func openFileLimit() (limit uint64, known bool) {
	var current unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &current); err != nil {
		return 0, false
	}
	return uint64(current.Cur), true //nolint:unconvert // it is signed on FreeBSD
}
