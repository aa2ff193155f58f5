package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

//go:embed example.yaml
var example []byte

// Example is a commented configuration to start from.
func Example() []byte { return append([]byte{}, example...) }

// InitFile writes the example to a file that must not exist yet.
func InitFile(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write configuration: %s exists and is left as it is: name another file or remove it", path)
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = file.Write(example)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write configuration %s: %w", path, err)
	}
	return nil
}
