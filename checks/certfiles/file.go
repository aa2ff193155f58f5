package certfiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"lapsewatch/watch"
)

// fileID tells files apart however they are reached.
type fileID struct{ device, inode uint64 }

// fileState is what tells, without reading, whether a file has changed. Times are Unix
// nanoseconds; changed (ctime) is zero where the system has none.
type fileState struct {
	id       fileID
	size     int64
	modified int64
	changed  int64
	regular  bool
	folder   bool
}

var (
	errNotRegular    = errors.New("is no regular file but a device, FIFO or socket")
	errEmpty         = errors.New("the file is empty")
	errNoMatch       = errors.New("no file matches")
	errNothingBelow  = errors.New("there is nothing in it to watch (is a volume not mounted?)")
	errNoCertificate = errors.New("holds no certificate and no CRL")
)

// tooLargeError says that a file exceeds the option max_file_size.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("is larger than max_file_size (%d bytes)", e.limit)
}

// readable decides from its state whether a file is going to be read.
func (c *Check) readable(state fileState) error {
	switch {
	case state.folder || !state.regular:
		return errNotRegular
	case state.size == 0:
		return errEmpty
	case state.size > c.maxFileSize:
		return &tooLargeError{c.maxFileSize}
	}
	return nil
}

// readWhole reads a file into buffer, which grows as needed, and refuses one of more
// than limit bytes.
func readWhole(path string, buffer []byte, limit int64) ([]byte, error) {
	file, err := openFile(path)
	if err != nil {
		return buffer, pathless(err)
	}
	defer func() { _ = file.Close() }()
	return readRest(file, buffer[:0], 0, limit)
}

// readRest reads to the end, which a short read beyond the known size is too.
func readRest(file io.Reader, data []byte, size, limit int64) ([]byte, error) {
	for {
		if len(data) == cap(data) {
			data = append(data, make([]byte, max(len(data), 8<<10))...)[:len(data)]
		}
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if int64(len(data)) > limit {
			return data, &tooLargeError{limit}
		}
		if errors.Is(err, io.EOF) || err == nil && size > 0 && int64(len(data)) >= size && len(data) < cap(data) {
			return data, nil
		}
		if err != nil {
			return data, pathless(err)
		}
	}
}

// pathless drops the operation and path that os puts before an error, as the message
// names the file itself.
func pathless(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

func reasonOf(err error) watch.Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return watch.PermissionDenied
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errNoMatch):
		return watch.NotFound
	case errors.Is(err, errEmpty) || errors.Is(err, errNoCertificate) || errors.Is(err, errNothingBelow):
		return watch.NoCertificate
	}
	if _, ok := errors.AsType[*tooLargeError](err); ok {
		return watch.TooLarge
	}
	if _, ok := errors.AsType[*tooManyError](err); ok {
		return watch.TooLarge
	}
	return watch.Unreadable
}
