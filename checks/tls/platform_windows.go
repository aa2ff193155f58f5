package tls

import "golang.org/x/sys/windows"

// What the system says when a connection fails. The constants of package syscall are
// inventions there that no system call returns.
const (
	connectionRefused   = windows.WSAECONNREFUSED
	connectionReset     = windows.WSAECONNRESET
	networkUnreachable  = windows.WSAENETUNREACH
	addressNotAvailable = windows.WSAEADDRNOTAVAIL
	familyNotSupported  = windows.WSAEAFNOSUPPORT
)

// openFileLimit knows none: sockets are not counted as files there.
func openFileLimit() (limit uint64, known bool) { return 0, false }
