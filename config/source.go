package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

const (
	fileName    = "lapsewatch.yaml"
	fileEnv     = "LAPSEWATCH_CONFIG"
	maxFileSize = 1 << 20
)

// ErrNoFile: there is no configuration in any of the usual places.
var ErrNoFile = errors.New("no configuration found")

// find names the configuration file. viper's own search would take lapsewatch.json, or a
// program named lapsewatch, and would pass over a file that it may not read.
func (s Source) find() (string, error) {
	if s.Path != "" {
		return s.Path, nil
	}
	if path := os.Getenv(fileEnv); path != "" {
		return path, nil
	}
	places := usualPlaces()
	for _, path := range places {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: looked for %s; write one with `lapsewatch config init`, or name it with --config FILE",
		ErrNoFile, list(places, "and"))
}

func usualPlaces() []string {
	places := []string{fileName}
	if dir, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(dir, "lapsewatch", fileName))
	}
	return append(places, filepath.Join("/etc/lapsewatch", fileName))
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read configuration: %s is a directory: name the file in it", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFileSize {
		return nil, fmt.Errorf("read configuration: %s is larger than 1 MiB", path)
	}
	return text, nil
}

var utf8BOM = []byte("\xef\xbb\xbf")

// plainText takes the byte order mark off, and refuses what is no plain UTF-8 text.
func plainText(file string, text []byte) ([]byte, *Problem) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, &Problem{Source: file, Err: errors.New("the file is UTF-16: save it as UTF-8")}
	}
	text = bytes.TrimPrefix(text, utf8BOM)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if !utf8.Valid(line) {
			return nil, &Problem{Source: file, Line: number, Err: errors.New("the line is not UTF-8: save the file as UTF-8")}
		}
		if bytes.ContainsFunc(line, strangeControl) {
			return nil, &Problem{Source: file, Line: number, Err: errors.New("a control character stands in the line: this is no text file, or it wants removing")}
		}
	}
	return text, nil
}

func strangeControl(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' && (r < ' ' || r == 0x7f)
}
