//go:build !unix

package certfiles

import (
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
)

// statFile looks at a file, following links. Where the system has no inode numbers a
// file is known by the path that its links lead to.
func statFile(path string) (fileState, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fileState{}, err
	}
	return fileState{
		id:       fileID{device: maphash.String(pathSeeds[0], resolved), inode: maphash.String(pathSeeds[1], resolved)},
		size:     info.Size(),
		modified: info.ModTime().UnixNano(),
		regular:  info.Mode().IsRegular(),
		folder:   info.IsDir(),
	}, nil
}

var pathSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func openFile(path string) (io.ReadCloser, error) { return os.Open(path) }
