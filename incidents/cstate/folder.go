package cstate

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	extension = ".md"
	// maxFiles bounds a folder.
	maxFiles = 20_000
	batch    = 500
)

// named reports whether a name is that of a page directly in the folder.
func named(name string) bool {
	return fs.ValidPath(name) && !strings.ContainsAny(name, "/\x00") && !strings.HasPrefix(name, ".") && strings.HasSuffix(name, extension) && len(name) < 200
}

// pages are those of the folder that carry a key of this installation, by the names of
// their files. One that has become unreadable is an error, and not a stub that is missing.
func (s *system) pages() (map[string]page, error) {
	root, err := os.OpenRoot(s.options.Folder)
	if err != nil {
		return nil, s.never(fmt.Errorf("open the folder: %w", err))
	}
	defer func() { _ = root.Close() }() // it was only read through
	names, err := listing(root)
	if err != nil {
		return nil, s.never(fmt.Errorf("list the folder %s: %w", s.options.Folder, err))
	}
	pages := map[string]page{}
	for _, name := range names {
		content, err := readPage(root, name)
		if err != nil {
			return nil, s.never(fmt.Errorf("read %s: %w", name, err))
		}
		if !bytes.Contains(content, []byte(ownPart)) {
			continue
		}
		parsed, err := parse(content)
		switch {
		case err != nil && marked(content, s.env.Source):
			return nil, s.never(fmt.Errorf("read %s, which carries a key of ours: %w: mend it, or remove the key", name, err))
		case err == nil && s.keyOf(parsed) != "":
			pages[name] = parsed
		}
	}
	return pages, nil
}

func listing(root *os.Root) (names []string, err error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // it was only read
	for seen := 0; ; {
		entries, err := folder.ReadDir(batch)
		for _, entry := range entries {
			if named(entry.Name()) && entry.Type().IsRegular() {
				names = append(names, entry.Name())
			}
		}
		if seen += len(entries); seen > maxFiles {
			return nil, fmt.Errorf("it has more than %d files", maxFiles)
		}
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

var errNoPage = errors.New("it is no regular file of less than 1 MiB")

func readPage(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPage {
		return nil, errNoPage
	}
	return root.ReadFile(name)
}

// page reads one file. The error is fs.ErrNotExist where there is none.
func (s *system) page(name string) (page, error) {
	if !named(name) {
		return page{}, fmt.Errorf("read %q: %w", name, fs.ErrNotExist)
	}
	root, err := os.OpenRoot(s.options.Folder)
	if err != nil {
		return page{}, fmt.Errorf("open the folder: %w", errors.Join(errNoFolder, withoutKind(err)))
	}
	defer func() { _ = root.Close() }() // it was only read through
	content, err := readPage(root, name)
	if err != nil {
		return page{}, fmt.Errorf("read %s: %w", name, err)
	}
	parsed, err := parse(content)
	if err != nil {
		return page{}, fmt.Errorf("read %s: %w", name, err)
	}
	return parsed, nil
}

var errNoFolder = errors.New("the folder cannot be opened")

// withoutKind keeps a missing folder from reading like a missing page.
func withoutKind(err error) error { return errors.New(err.Error()) }

func (s *system) writePage(name string, content []byte) error {
	return writeWhole(s.options.Folder, name, content, 0o644)
}

// writeWhole replaces a file in one step, so that nobody ever reads half of it.
func writeWhole(folder, name string, content []byte, mode fs.FileMode) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // what was written is closed by then
	// Hugo and Git tools leave alone what begins with a dot.
	beside := ".lapsewatch-" + rand.Text() + ".tmp"
	file, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = root.Rename(beside, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(beside))
	}
	return syncFolder(root)
}

// syncFolder makes the new name last. Not every file system can.
func syncFolder(root *os.Root) error {
	folder, err := root.Open(".")
	if err != nil {
		return err
	}
	_ = folder.Sync() // where it cannot, the name is there all the same
	return folder.Close()
}
