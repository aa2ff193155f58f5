package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"lapsewatch/watch"
)

const maxSecretSize = 64 << 10

// ReadSecret reads a secret from its file or environment variable; it is a
// watch.SecretReader. Of a file a byte order mark and one trailing newline are dropped.
// The error names the place and never what stands there.
func ReadSecret(ref watch.SecretRef) (watch.Secret, error) {
	if err := ref.Validate(); err != nil {
		return watch.Secret{}, err
	}
	text, err := os.Getenv(ref.Env), error(nil)
	if ref.File != "" {
		text, err = readSecretFile(ref.File)
	}
	switch {
	case err != nil:
		return watch.Secret{}, fmt.Errorf("read the secret in %s: %w", ref, err)
	case strings.TrimSpace(text) == "":
		return watch.Secret{}, fmt.Errorf("read the secret in %s: it is empty or not set", ref)
	}
	return watch.NewSecret(text), nil
}

func readSecretFile(path string) (string, error) {
	// Opening a pipe that nobody writes to would wait for ever.
	if info, err := os.Stat(path); err != nil {
		return "", cause(err)
	} else if !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", cause(err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretSize+1))
	if err != nil {
		return "", cause(err)
	}
	if len(text) > maxSecretSize {
		return "", errors.New("it is larger than 64 KiB")
	}
	text = bytes.TrimPrefix(text, utf8BOM)
	if line, ended := bytes.CutSuffix(text, []byte("\n")); ended {
		text = bytes.TrimSuffix(line, []byte("\r"))
	}
	return string(text), nil
}

// cause is the error without the path, which the caller names.
func cause(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
