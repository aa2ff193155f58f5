package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// output is where results go: stdout, or a file that appears complete or not at all.
// What exists and is no ordinary file (a pipe, /dev/stdout) is written to as it is.
type output struct {
	io.Writer
	file *os.File
	// path is the file's final name while it is written under another.
	path string
}

// openOutput is called before anything is looked at, so that a report that could not be
// written is not noticed only after the work.
func (a app) openOutput(path string) (*output, error) {
	if path == "" {
		return &output{Writer: a.stdout}, nil
	}
	mode := fs.FileMode(0o666) // the umask has its say
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{Writer: file, file: file}, cannotWrite(path, err)
	case err == nil:
		mode = info.Mode().Perm()
	}
	aside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	file, err := os.OpenFile(aside, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	return &output{Writer: file, file: file, path: path}, cannotWrite(path, err)
}

// cannotWrite names the file that was asked for, not the one that is written aside.
func cannotWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// commit makes the file appear.
func (o *output) commit() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if err == nil && o.path != "" {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	o.path = ""
	return nil
}

// abandon removes what was written aside, if it was not committed.
func (o *output) abandon() {
	if o.path != "" {
		_ = o.file.Close()
		_ = os.Remove(o.file.Name()) // an error has already been reported
	}
}
