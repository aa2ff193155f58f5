package cstate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/hiddenline"
	"lapsewatch/internal/stubtext"
)

// The files of a stub in the internal folder are named by its key: what it is about, the
// notes, and the draft of the post-mortem.
const (
	notesSuffix = "-notes" + extension
	draftSuffix = "-post-mortem" + extension
	markName    = "mark"
)

// private files are for the account that runs Lapsewatch, and its group.
const private = fs.FileMode(0o640)

// keepInternal writes what only staff reads, where there is a place for it.
func (s *system) keepInternal(stub incidents.Stub) error {
	if s.options.InternalFolder == "" || stub.Internal == "" {
		return nil
	}
	if err := s.unpublished(); err != nil {
		return err
	}
	name := stub.Key + extension
	if !named(name) {
		return s.never(fmt.Errorf("keep what is for staff: the key %s is none", stub.Key))
	}
	content := stub.Title + "\n\n" + githubissues.Cut(stubtext.Tidy(stub.Internal), maxNote) + "\n"
	if err := writeWhole(s.options.InternalFolder, name, []byte(content), private); err != nil {
		return s.never(fmt.Errorf("keep what is for staff in %s: %w", s.options.InternalFolder, err))
	}
	return nil
}

// Annotate adds a note to a file in the internal folder.
func (s *system) Annotate(ctx context.Context, current incidents.Remote, note incidents.Note) error {
	if s.options.InternalFolder == "" {
		return incidents.ErrNoNotes
	}
	earlier, name, err := s.internal(ctx, current, notesSuffix)
	mark := hiddenline.Mark(note.Mark)
	if err != nil || hiddenline.Has(earlier, markName, mark) {
		return err
	}
	text := "**" + note.At.UTC().Format(shown) + "**\n\n" + githubissues.Cut(stubtext.Tidy(note.Text), maxNote) + "\n\n" + hiddenline.Write(markName, mark) + "\n"
	if earlier = strings.TrimRight(earlier, "\n"); earlier != "" {
		text = earlier + "\n\n" + text
	}
	return s.writeInternal(name, text)
}

// Draft keeps the draft of a post-mortem in the internal folder. One that a person has
// changed stays.
func (s *system) Draft(ctx context.Context, current incidents.Remote, draft incidents.Note) error {
	if s.options.InternalFolder == "" {
		return incidents.ErrNoDrafts
	}
	earlier, name, err := s.internal(ctx, current, draftSuffix)
	if err != nil {
		return err
	}
	sealed := hiddenline.Seal(githubissues.Cut(stubtext.Tidy(draft.Text), maxNote), current.Key)
	if ours, untouched := hiddenline.Sealed(earlier, current.Key); earlier != "" && (!ours || !untouched) || stubtext.Tidy(earlier) == sealed {
		return nil
	}
	return s.writeInternal(name, sealed+"\n")
}

// internal reads a file of a stub that still carries its key; "" where there is none.
func (s *system) internal(ctx context.Context, current incidents.Remote, suffix string) (content, name string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", s.later(err)
	}
	if _, _, err := s.ours(current.ID, current.Key); err != nil {
		return "", "", err
	}
	if err := s.unpublished(); err != nil {
		return "", "", err
	}
	name = current.Key + suffix
	root, err := os.OpenRoot(s.options.InternalFolder)
	if err != nil {
		return "", "", s.never(fmt.Errorf("open the internal folder: %w", err))
	}
	defer func() { _ = root.Close() }() // it was only read through
	read, err := readPage(root, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", s.never(fmt.Errorf("read %s: %w", name, err))
	}
	return string(read), name, nil
}

// siteFiles are those by which Hugo knows the folder of a site.
var siteFiles = []string{"hugo.toml", "hugo.yaml", "hugo.json", "config.toml", "config.yaml", "config.yml", "config.json", "config/_default"}

// unpublished refuses an internal folder that Hugo would build, or that would be committed
// with the page. Links are followed first.
func (s *system) unpublished() error {
	folder, err := filepath.EvalSymlinks(s.options.Folder)
	if err != nil {
		return s.never(fmt.Errorf("look for the folder: %w", err))
	}
	internal, err := filepath.EvalSymlinks(s.options.InternalFolder)
	if err != nil {
		return s.never(fmt.Errorf("look for the internal folder: %w", err))
	}
	tops := []string{folder, siteOf(folder), holding(folder, siteFiles)}
	if s.git.Commits() {
		tops = append(tops, holding(folder, []string{".git"}))
	}
	for _, top := range tops {
		if top != "" && inside(internal, top) {
			return s.never(fmt.Errorf("nothing for staff is written into internal_folder %s, because it is within %s, which is published: give a folder elsewhere", s.options.InternalFolder, top))
		}
	}
	return nil
}

// holding is the nearest folder from there upwards that holds one of the files, "" if none
// does.
func holding(folder string, files []string) string {
	for {
		for _, file := range files {
			if _, err := os.Lstat(filepath.Join(folder, file)); err == nil {
				return folder
			}
		}
		above := filepath.Dir(folder)
		if above == folder {
			return ""
		}
		folder = above
	}
}

func (s *system) writeInternal(name, content string) error {
	if err := writeWhole(s.options.InternalFolder, name, []byte(content), private); err != nil {
		return s.never(fmt.Errorf("write %s: %w", name, err))
	}
	return nil
}
