package neterr

import "golang.org/x/sys/windows"

// What the system says when a connection fails. The constants of package syscall are
// inventions there that no system call returns.
const (
	Refused             = windows.WSAECONNREFUSED
	Reset               = windows.WSAECONNRESET
	NetworkUnreachable  = windows.WSAENETUNREACH
	HostUnreachable     = windows.WSAEHOSTUNREACH
	AddressNotAvailable = windows.WSAEADDRNOTAVAIL
	FamilyNotSupported  = windows.WSAEAFNOSUPPORT
)
