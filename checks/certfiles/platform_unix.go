//go:build unix

package certfiles

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// statFile looks at a file, following links. It asks the kernel directly: os.Stat
// allocates several times more, and a repeated pass does little else.
func statFile(path string) (fileState, error) {
	var stat unix.Stat_t
	if err := retry(func() error { return unix.Stat(path, &stat) }); err != nil {
		return fileState{}, err
	}
	return fileState{
		id:       fileID{device: uint64(stat.Dev), inode: uint64(stat.Ino)}, //nolint:unconvert // both have other types on other systems
		size:     stat.Size,
		modified: stat.Mtim.Nano(),
		changed:  stat.Ctim.Nano(),
		regular:  stat.Mode&unix.S_IFMT == unix.S_IFREG,
		folder:   stat.Mode&unix.S_IFMT == unix.S_IFDIR,
	}, nil
}

// openFile never waits: should the file have become a FIFO since it was looked at, it
// reads as empty.
func openFile(path string) (io.ReadCloser, error) {
	var fd int
	err := retry(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return descriptor(fd), nil
}

// descriptor reads without os.File, which would register every file with the poller.
type descriptor int

func (d descriptor) Read(p []byte) (int, error) {
	var n int
	err := retry(func() (err error) { n, err = unix.Read(int(d), p); return err })
	if err != nil {
		return 0, err
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (d descriptor) Close() error { return unix.Close(int(d)) }

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
