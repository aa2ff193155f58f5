package certfiles

import (
	"slices"
	"sync"
	"time"
)

// cache remembers what files held, so that a pass over unchanged files reads none. A
// file counts as unchanged while its path, inode, size, mtime and ctime stay. There may
// be hundreds of thousands, so what facts are made of is kept in a packed form, and what
// many certificates share is kept once.
type cache struct {
	// keeping begins with the second pass: a process that makes one pass only, as a
	// CronJob does, has no use for the memory.
	keeping bool
	// folders are those of the latest complete pass, by path.
	folders map[string]*folder
	shared  sharedTexts
}

// folder is what is kept of a walked folder, or of one file with a path of its own.
type folder struct {
	path string
	// names are sorted. That of a file with a path of its own is empty.
	names []string
	// own is the file, if the folder stands for one.
	own *source
	// files remembers what the names held. Each is written by one worker. It is nil
	// while nothing is kept.
	files []remembered
	// before is the folder as an earlier pass knew it.
	before *folder
}

// remembered is what one file held when it was in a state.
type remembered struct {
	id       fileID
	size     int64
	modified int64
	changed  int64
	// contents is empty while nothing is known.
	contents string
}

// begin connects a folder with what is remembered of it.
func (c *cache) begin(f *folder) {
	if !c.keeping {
		return
	}
	before := c.folders[f.path]
	if before != nil && slices.Equal(before.names, f.names) {
		f.names, f.files = before.names, before.files
		return
	}
	f.before = before
	f.files = make([]remembered, len(f.names))
}

// end forgets what a complete pass did not meet.
func (c *cache) end(folders []*folder) {
	if !c.keeping {
		c.keeping = true
		return
	}
	c.folders = make(map[string]*folder, len(folders))
	for _, f := range folders {
		f.before = nil
		c.folders[f.path] = f
	}
}

// settled is how long ago a file must have changed to be remembered: within one tick of
// the file system's clock it could change once more without a trace.
const settled = 2 * time.Second

// recall gives what the file at index i held, if it has not changed since.
func (f *folder) recall(i int, state fileState) (contents string, known bool) {
	if f.files == nil {
		return "", false
	}
	file := &f.files[i]
	if file.contents == "" && f.before != nil {
		if at, found := slices.BinarySearch(f.before.names, f.names[i]); found {
			*file = f.before.files[at]
		}
	}
	same := file.id == state.id && file.size == state.size && file.modified == state.modified && file.changed == state.changed
	return file.contents, same && file.contents != ""
}

// remember keeps what the file at index i held, unless it changed just now.
func (f *folder) remember(i int, state fileState, now time.Time, packed []byte) {
	if now.UnixNano()-max(state.modified, state.changed) < int64(settled) {
		f.files[i] = remembered{}
		return
	}
	f.files[i] = remembered{state.id, state.size, state.modified, state.changed, string(packed)}
}

// sharedTexts keeps texts that many certificates have in common, such as their issuers,
// and numbers them from 1.
type sharedTexts struct {
	mu      sync.RWMutex
	numbers map[string]uint64
	texts   []string
}

// maxSharedTexts bounds the memory that hostile files can make the table take.
const maxSharedTexts = 1 << 14

// number gives the number of a text, or 0 when the table is full.
func (s *sharedTexts) number(text []byte) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number, known := s.numbers[string(text)]; known {
		return number
	}
	if len(s.texts) == maxSharedTexts {
		return 0
	}
	if s.numbers == nil {
		s.numbers = map[string]uint64{}
	}
	kept := string(text)
	s.texts = append(s.texts, kept)
	s.numbers[kept] = uint64(len(s.texts))
	return uint64(len(s.texts))
}

func (s *sharedTexts) text(number uint64) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.texts[number-1]
}
