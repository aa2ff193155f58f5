package sqlread

import "golang.org/x/sys/windows"

// connectionRefused is what the system says; the constant of package syscall is an
// invention there that no system call returns.
const connectionRefused = windows.WSAECONNREFUSED
