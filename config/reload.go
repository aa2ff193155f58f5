package config

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quietPeriod must pass after a change: a file that is being written in place is
	// for a moment empty, or shorter and yet valid.
	quietPeriod = 250 * time.Millisecond
	// lookAgain finds what no event tells of: network file systems, and a folder that
	// was put in another's place.
	lookAgain = 10 * time.Second
)

// Watch loads the configuration, hands it to onChange, and does so again whenever the
// file changes, until ctx ends. A file that cannot be accepted is handed over as its
// error, and the caller keeps what it has. onChange is never called concurrently. The
// error is only that nothing could be watched at all.
//
// It does not use viper's WatchConfig, which ends the process when it cannot watch,
// stops for good when the file is removed, and cannot be stopped.
func Watch(ctx context.Context, source Source, catalog Catalog, onChange func(*Config, error)) error {
	file, err := source.find()
	if err != nil {
		return err
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch configuration %s: %w", file, err)
	}
	defer func() { _ = events.Close() }()
	w := &watched{file: filepath.Clean(file), events: events, load: func(text []byte) (*Config, error) {
		return loadText(file, text, source, catalog)
	}, onChange: onChange}
	if err := events.Add(filepath.Dir(w.file)); err != nil {
		return fmt.Errorf("watch configuration %s: %w", file, err)
	}
	w.look()
	w.until(ctx)
	return nil
}

// watched is one configuration file that is being watched.
type watched struct {
	file string
	// real is the file behind all symbolic links, as it was last seen.
	real     string
	events   *fsnotify.Watcher
	load     func([]byte) (*Config, error)
	onChange func(*Config, error)
	// text and failure are what onChange was last told of.
	text    []byte
	failure string
}

func (w *watched) until(ctx context.Context) {
	quiet := time.NewTimer(quietPeriod)
	defer quiet.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.events.Events:
			if w.concerns(event) {
				quiet.Reset(quietPeriod)
			}
		case _, open := <-w.events.Errors:
			// Events were lost, so that only looking tells.
			if open {
				quiet.Reset(quietPeriod)
			}
		case <-quiet.C:
			w.look()
		case <-again.C:
			w.look()
		}
	}
}

// concerns reports whether the event can have changed the file: its own name, the file
// behind its links, or a link on the way that now leads elsewhere (a Kubernetes ConfigMap
// is replaced by turning the link ..data).
func (w *watched) concerns(event fsnotify.Event) bool {
	name := filepath.Clean(event.Name)
	return name == w.file || name == w.real || realPath(w.file) != w.real
}

func realPath(file string) string {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return ""
	}
	return real
}

// look reads the file and tells of it when it is not what was told last.
func (w *watched) look() {
	w.real = realPath(w.file)
	for _, file := range []string{w.file, w.real} {
		if file != "" {
			// A folder that is gone is found again by looking.
			_ = w.events.Add(filepath.Dir(file))
		}
	}
	text, err := readFile(w.file)
	if err != nil {
		w.tellFailure(err)
		return
	}
	if w.text != nil && bytes.Equal(text, w.text) && w.failure == "" {
		return
	}
	w.text = append([]byte{}, text...)
	loaded, err := w.load(text)
	if err != nil {
		w.tellFailure(err)
		return
	}
	w.failure = ""
	w.onChange(loaded, nil)
}

func (w *watched) tellFailure(err error) {
	if err.Error() != w.failure {
		w.failure = err.Error()
		w.onChange(nil, err)
	}
}
