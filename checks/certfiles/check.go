package certfiles

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Check reads certificate files. It remembers between passes what unchanged files held.
type Check struct {
	paths          []string
	usual          []string
	exclude        []string
	passphrases    []Passphrase
	maxFileSize    int64
	maxFiles       int
	followSymlinks bool
	concurrency    int
	env            checks.Env
	cache          cache
	scratches      sync.Pool
}

// New makes a check from valid options.
func New(options Options, env checks.Env) (watch.Check, error) {
	check := &Check{
		maxFileSize:    options.MaxFileSize,
		maxFiles:       options.MaxFiles,
		followSymlinks: options.FollowSymlinks,
		concurrency:    options.concurrency(env),
		env:            env,
	}
	check.scratches.New = func() any { return &scratch{check: check} }
	var err error
	if check.paths, err = expandHomes(options.Paths); err != nil {
		return nil, err
	}
	if check.usual, err = expandHomes(options.usual); err != nil {
		return nil, err
	}
	if check.exclude, err = expandHomes(options.Exclude); err != nil {
		return nil, err
	}
	for _, entry := range options.Passphrases {
		if entry.Path, err = expandHome(entry.Path); err != nil {
			return nil, err
		}
		check.passphrases = append(check.passphrases, entry)
	}
	return check, nil
}

func expandHomes(paths []string) ([]string, error) {
	expanded := make([]string, 0, len(paths))
	for _, path := range paths {
		full, err := expandHome(path)
		if err != nil {
			return nil, err
		}
		expanded = append(expanded, full)
	}
	return expanded, nil
}

// Collect implements watch.Check. It first finds the files, so that one that is reached
// by several paths is reported once, and then reads them.
func (c *Check) Collect(ctx context.Context, sink watch.Sink) error {
	found := c.find(ctx, sink)
	for _, folder := range found.folders {
		c.cache.begin(folder)
	}
	c.env.Expect(found.count)
	checks.Each(c.concurrency, found.batches(), func(b batch) { c.read(ctx, b, found) },
		func(b batch, err error) { sink(folderProblem(b.folder.path, err)) })
	if err := ctx.Err(); err != nil {
		return err
	}
	c.cache.end(found.folders)
	return nil
}

// read looks at the files of a batch. One that makes a parser panic is a problem and
// hides no other.
func (c *Check) read(ctx context.Context, b batch, found *found) {
	s := c.scratches.Get().(*scratch)
	s.found = found
	defer func() {
		s.found = nil
		c.scratches.Put(s)
	}()
	for i := b.from; i < b.to && ctx.Err() == nil; i++ {
		err := checks.Guard(func() {
			for ; i < b.to && ctx.Err() == nil; i++ {
				s.look(b.folder.source(i), b.folder, i)
			}
		})
		if err != nil {
			found.sink(b.folder.source(i).problem(watch.InternalError, err))
		}
	}
}

// scratch is what one worker uses again for every file.
type scratch struct {
	check  *Check
	found  *found
	buffer []byte
	packed []byte
	body   []byte
	items  []held
	pem    pemBlocks
}

// look reads one file, which stands in a folder at index i, and tells what it holds.
func (s *scratch) look(file source, in *folder, i int) {
	s.items = s.items[:0]
	state, err := statFile(file.path)
	if err != nil {
		s.failed(file, err)
		return
	}
	if !file.own && s.found.named[state.id] != nil {
		return
	}
	if packed, known := in.recall(i, state); known {
		format := s.unpack(packed)
		if format != "" || !file.expected() {
			s.tell(file, format)
			return
		}
	}
	data, err := s.read(file, state)
	if err != nil {
		s.failed(file, err)
		return
	}
	format, err := "", errUnknownFormat
	if data != nil {
		format, err = s.decode(file, data)
	}
	if err != nil && (format != "" || file.expected()) {
		s.found.sink(file.problem(watch.Unparsable, err))
		return
	}
	if in.files != nil && s.pack(format) {
		in.remember(i, state, s.check.env.Now(), s.packed)
	}
	s.tell(file, format)
}

// failed tells that a file could not be read, unless its name promised nothing and
// nobody named it. One that went away since it was listed is no failure.
func (s *scratch) failed(file source, err error) {
	reason := reasonOf(err)
	if reason == watch.NotFound && (file.optional || !file.own) {
		return
	}
	if file.expected() {
		s.found.sink(file.problem(reason, pathless(err)))
	}
}

func (s *scratch) tell(file source, format string) {
	if len(s.items) == 0 && file.explicit && !file.optional {
		s.found.sink(file.problem(watch.NoCertificate, errNoCertificate))
	}
	for i := range s.items {
		s.found.sink(file.fact(format, &s.items[i]))
	}
}

// keptBuffer is the largest buffer that is kept for the next file.
const keptBuffer = 256 << 10

func empty(buffer []byte) []byte {
	if cap(buffer) > keptBuffer {
		return nil
	}
	return buffer[:0]
}

// read reads a file whose beginning looks promising, or of which something is expected.
// Otherwise it returns nil.
func (s *scratch) read(file source, state fileState) ([]byte, error) {
	if err := s.check.readable(state); err != nil {
		return nil, err
	}
	opened, err := openFile(file.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }()
	s.buffer = slices.Grow(empty(s.buffer), sniffLength)
	if !file.expected() {
		n, err := opened.Read(s.buffer[:sniffLength])
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if !mayHold(s.buffer[:n]) {
			return nil, nil
		}
		s.buffer = s.buffer[:n]
	}
	s.buffer, err = readRest(opened, s.buffer, state.size, s.check.maxFileSize)
	return s.buffer, err
}

// passphrasesFor reads the passphrases configured for a file, each time anew, and adds
// the empty one. It also says whether any was configured, and why one could not be read.
func (c *Check) passphrasesFor(path string) (passphrases []string, configured bool, err error) {
	for _, entry := range c.passphrases {
		if matched, _ := doublestar.PathMatch(entry.Path, path); !matched {
			continue
		}
		secret, unread := c.env.Secrets(entry.Passphrase)
		if unread != nil {
			err = errors.Join(err, unread)
			continue
		}
		configured = true
		passphrases = append(passphrases, secret.Reveal())
	}
	return append(passphrases, ""), configured, err
}
