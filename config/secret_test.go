package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lapsewatch/watch"
)

func TestReadSecret_FromAFile(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"as it is", "s3cret", "s3cret"},
		{"one newline at the end is dropped", "s3cret\n", "s3cret"},
		{"a Windows line end too", "s3cret\r\n", "s3cret"},
		{"a byte order mark too", "\ufeffs3cret\n", "s3cret"},
		{"only one newline is", "s3cret\n\n", "s3cret\n"},
		{"spaces and lines inside stay", " a b\nc ", " a b\nc "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadSecret(watch.SecretRef{File: path})
			if err != nil || got.Reveal() != c.want {
				t.Errorf("got %q, %v, want %q", got.Reveal(), err, c.want)
			}
		})
	}
}

func TestReadSecret_IsReadAtEachUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for _, text := range []string{"old", "new"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadSecret(watch.SecretRef{File: path}); err != nil || got.Reveal() != text {
			t.Errorf("got %q, %v, want %q", got.Reveal(), err, text)
		}
	}
}

func TestReadSecret_WhatIsWrongIsSaidWithThePlace(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET_EMPTY", "")
	t.Setenv("SECRET_BLANK", " \n")
	cases := []struct {
		name string
		ref  watch.SecretRef
		want string
	}{
		{"no file", watch.SecretRef{File: "/nowhere/x"}, "read the secret in file /nowhere/x: no such file or directory"},
		{"an empty file", watch.SecretRef{File: file("empty", "")}, "read the secret in file DIR/empty: it is empty or not set"},
		{"a file with only a newline", watch.SecretRef{File: file("newline", "\ufeff\n")}, "read the secret in file DIR/newline: it is empty or not set"},
		{"a directory", watch.SecretRef{File: dir}, "read the secret in file DIR: it is not a regular file"},
		{"a pipe nobody writes to", watch.SecretRef{File: pipe}, "read the secret in file DIR/pipe: it is not a regular file"},
		{"a huge file", watch.SecretRef{File: file("huge", strings.Repeat("x", maxSecretSize+1))}, "read the secret in file DIR/huge: it is larger than 64 KiB"},
		{"no variable", watch.SecretRef{Env: "SECRET_UNSET"}, "read the secret in environment variable SECRET_UNSET: it is empty or not set"},
		{"an empty variable", watch.SecretRef{Env: "SECRET_EMPTY"}, "read the secret in environment variable SECRET_EMPTY: it is empty or not set"},
		{"a blank variable", watch.SecretRef{Env: "SECRET_BLANK"}, "read the secret in environment variable SECRET_BLANK: it is empty or not set"},
		{"no reference", watch.SecretRef{}, "a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadSecret(c.ref)
			if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
