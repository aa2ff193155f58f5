package main

import (
	"fmt"
	"runtime/debug"
)

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// print writes to stdout; that it cannot is an error like any other.
func (a app) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(a.stdout, format, args...); err != nil {
		return failed(fmt.Errorf("write to stdout: %w", err))
	}
	return nil
}

// complain writes to stderr. When that fails there is nobody left to tell.
func (a app) complain(format string, args ...any) { _, _ = fmt.Fprintf(a.stderr, format, args...) }
