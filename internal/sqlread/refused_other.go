//go:build !windows

package sqlread

import "syscall"

const connectionRefused = syscall.ECONNREFUSED
