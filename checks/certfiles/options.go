// Package certfiles reads the dates of certificates and CRLs in files: PEM, DER,
// PKCS #7, PKCS #12, Java keystores and kubeconfigs. It judges nothing, verifies no
// signature or chain, decrypts no private key and keeps none, and does not look into
// archives or containers.
package certfiles

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lapsewatch/checks"
	"lapsewatch/watch"
)

// Kind is the check of certificate files.
var Kind = checks.Define("certfiles", defaults, New,
	checks.Targets(takes, fill), checks.ThisMachine(usualPlaces))

// Options configure one check.
type Options struct {
	Paths          []string     `yaml:"paths" jsonschema_description:"files, folders (with everything below) and globs (** crosses folders) to read; a leading ~ is the home folder"`
	Exclude        []string     `yaml:"exclude,omitempty" jsonschema_description:"globs of files and folders to leave out, matched against the whole path and against where a link leads"`
	Passphrases    []Passphrase `yaml:"passphrases,omitempty" jsonschema_description:"passphrases of PKCS #12 files, by reference; the empty passphrase is always tried"`
	MaxFileSize    int64        `yaml:"max_file_size" jsonschema_description:"bytes above which a file is reported instead of read"`
	MaxFiles       int          `yaml:"max_files" jsonschema_description:"how many files a pass looks at before it reports that there are too many"`
	FollowSymlinks bool         `yaml:"follow_symlinks" jsonschema_description:"whether links inside folders are followed; links named in paths always are"`
	Concurrency    int          `yaml:"concurrency,omitempty" jsonschema_description:"how many files to read at a time; 0 is twice the processors"`

	// usual are places that need not exist, for a scan of this machine.
	usual []string
}

// Passphrase opens the PKCS #12 files that a glob matches.
type Passphrase struct {
	Path       string          `yaml:"path" jsonschema_description:"glob of the files that the passphrase opens"`
	Passphrase watch.SecretRef `yaml:"passphrase" jsonschema_description:"where the passphrase is kept"`
}

func defaults() Options {
	return Options{MaxFileSize: 10 << 20, MaxFiles: 1_000_000, FollowSymlinks: true}
}

var (
	errNoPaths  = errors.New("name at least one file, folder or glob")
	errEmptyOne = errors.New("is empty")
	errBadGlob  = errors.New("is not a well-formed glob")
	errPositive = errors.New("want a number above zero")
	errNegative = errors.New("want a number that is not negative")
)

// Validate implements watch.Validator.
func (o Options) Validate() error {
	var errs []error
	wrong := func(path string, err error) { errs = append(errs, &watch.FieldError{Path: path, Err: err}) }
	if len(o.Paths) == 0 && len(o.usual) == 0 {
		wrong("paths", errNoPaths)
	}
	globs := func(field string, values []string) {
		for i, value := range values {
			if err := checkGlob(value); err != nil {
				wrong(fmt.Sprintf("%s[%d]", field, i), err)
			}
		}
	}
	globs("paths", o.Paths)
	globs("exclude", o.Exclude)
	for i, entry := range o.Passphrases {
		if err := checkGlob(entry.Path); err != nil {
			wrong(fmt.Sprintf("passphrases[%d].path", i), err)
		}
		if err := entry.Passphrase.Validate(); err != nil {
			wrong(fmt.Sprintf("passphrases[%d].passphrase", i), err)
		}
	}
	if o.MaxFileSize <= 0 {
		wrong("max_file_size", errPositive)
	}
	if o.MaxFiles <= 0 {
		wrong("max_files", errPositive)
	}
	if o.Concurrency < 0 {
		wrong("concurrency", errNegative)
	}
	return errors.Join(errs...)
}

func checkGlob(glob string) error {
	if strings.TrimSpace(glob) == "" {
		return errEmptyOne
	}
	if !doublestar.ValidatePathPattern(glob) {
		return errBadGlob
	}
	return nil
}

// takes recognises a path by its existence or its looks.
func takes(target string) bool {
	if target == "" || strings.Contains(target, "://") {
		return false
	}
	if target == "~" || strings.ContainsRune(target, '/') || strings.ContainsRune(target, filepath.Separator) {
		return true
	}
	_, err := os.Lstat(target)
	return err == nil
}

func fill(targets []string, options Options) (Options, error) {
	options.Paths = append(options.Paths, targets...)
	return options, nil
}

// expandHome replaces a leading ~ by the home folder.
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") && !strings.HasPrefix(path, "~"+string(filepath.Separator)) {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home folder for %s: %w", path, err)
	}
	return filepath.Join(home, path[1:]), nil
}

// concurrency is how many files are read at a time. More than a few a processor only
// helps on network file systems.
func (o Options) concurrency(env checks.Env) int {
	if o.Concurrency > 0 {
		return o.Concurrency
	}
	return max(1, min(2*runtime.GOMAXPROCS(0), env.Concurrency))
}
