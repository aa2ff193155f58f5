package remoteclock

import "golang.org/x/sys/windows"

// connectionRefused is what the system says where nobody listens. The constant of that
// name in package syscall is an invention there that no system call returns.
const connectionRefused = windows.WSAECONNREFUSED
