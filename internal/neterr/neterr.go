// Package neterr tells why a connection failed, whatever the system calls it. It does not
// put that into words: each caller knows what was being done, and to what.
package neterr

import (
	"context"
	"errors"
	"net"
	"os"
)

// TimedOut reports whether an error says that time ran out, in any of the ways of package
// net.
func TimedOut(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || ok && slow.Timeout()
}
