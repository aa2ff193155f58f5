package certfiles

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// maxPathRunes bounds a path in names and details.
const maxPathRunes = 1024

func cleanName(name string) string { return clean.Text(name, maxNameRunes) }
func cleanPath(path string) string { return clean.Text(path, maxPathRunes) }

// source is one file to look at.
type source struct {
	// path is the one that the file is known by; links lead alsoAt to the same file.
	path   string
	alsoAt []string
	// link: path is a link.
	link bool
	// own: the file has a path of its own, whichever folder it stands in.
	own bool
	// explicit: the file was named itself, so that it must hold something dated.
	explicit bool
	// optional: nobody named the file, so that it need not exist.
	optional bool
}

// expected reports whether silence about the file would hide a failure.
func (f source) expected() bool { return f.explicit || namedForCertificates(f.path) }

// place is how the ID of everything in a place of the file begins.
func (f source) place(name string) string { return f.path + "#" + name }

// subject identifies what a file holds by where it stands, which outlasts renewals.
func (f source) subject(item *held) watch.Subject {
	id := f.place(item.place) + strconv.Itoa(item.number)
	if item.place == "" && item.number == 1 {
		return watch.Subject{ID: id, Name: cleanPath(f.path)}
	}
	name := cleanPath(f.path)
	if item.place != "" {
		name += " " + item.place
	}
	if item.number > 1 {
		name += " #" + strconv.Itoa(item.number)
		if item.subject != "" {
			name += " (" + mostSpecific(item.subject) + ")"
		}
	}
	if len(item.contexts) > 0 {
		name += " (contexts: " + strings.Join(item.contexts, ", ") + ")"
	}
	return watch.Subject{ID: id, Name: name}
}

// mostSpecific is the first part of a distinguished name: "CN=example.com".
func mostSpecific(name string) string {
	for i := range len(name) {
		if name[i] == ',' && (i == 0 || name[i-1] != '\\') {
			return name[:i]
		}
	}
	return name
}

func (f source) fact(format string, item *held) watch.Fact {
	if item.err != nil {
		return f.itemProblem(format, item)
	}
	return watch.Credential{
		Subject:   f.subject(item),
		Form:      item.form,
		Identity:  identity(item),
		NotBefore: item.notBefore,
		NotAfter:  item.notAfter,
		Details:   f.details(format, item),
	}
}

func identity(item *held) string {
	text := make([]byte, 0, len("sha256:")+2*len(item.fingerprint))
	return string(hex.AppendEncode(append(text, "sha256:"...), item.fingerprint[:]))
}

func (f source) details(format string, item *held) map[string]any {
	details := make(map[string]any, 8)
	details["path"], details["format"] = cleanPath(f.path), format
	text := func(key, value string) {
		if value != "" {
			details[key] = value
		}
	}
	text("subject", item.subject)
	text("issuer", item.issuer)
	text("serial", item.serial)
	text("irregular", item.irregular)
	text("referenced_file", cleanPath(item.referenced))
	if len(item.dnsNames) > 0 {
		details["dns_names"] = item.dnsNames
	}
	if item.moreNames > 0 {
		details["dns_names_omitted"] = item.moreNames
	}
	if item.authority {
		details["authority"] = true
	}
	if len(item.contexts) > 0 {
		details["contexts"] = item.contexts
	}
	if len(f.alsoAt) > 0 {
		details["also_at"] = cleanPaths(f.alsoAt)
	}
	return details
}

// maxAlsoAt bounds the other paths that are listed.
const maxAlsoAt = 20

func cleanPaths(paths []string) []string {
	cleaned := make([]string, 0, min(len(paths), maxAlsoAt))
	for _, path := range paths[:min(len(paths), maxAlsoAt)] {
		cleaned = append(cleaned, cleanPath(path))
	}
	return cleaned
}

// itemProblem is about one thing among others in a file.
func (f source) itemProblem(format string, item *held) watch.Problem {
	details := f.details(format, item)
	if item.fingerprint != [len(item.fingerprint)]byte{} {
		details["identity"] = identity(item)
	}
	remedy := item.remedy
	if remedy == "" && item.reason == watch.Unparsable {
		remedy = remedyUnparsable
	}
	problem := watch.Problem{
		Subject: f.subject(item), Reason: item.reason, Confined: true,
		Err:     fmt.Errorf("read certificate file %s: %w", cleanPath(f.path), item.err),
		Details: details, Remedy: remedy,
	}
	if item.hidesMore {
		problem.HidesPrefix = f.place(item.place)
	}
	return problem
}

const (
	remedyUnparsable = "Look at the file with openssl x509 -in FILE -noout -text, and put the certificate there again; if it holds none, add it to the check's option exclude."
	remedyDenied     = "Let the user that Lapsewatch runs as read it, or add it to the check's option exclude."
	remedyTooLarge   = "Raise the check's option max_file_size, or add the file to the option exclude."
	remedyEmpty      = "Put the certificate there, or take the file from the check's options."
	remedyNotFound   = "Correct the path, or take it from the check's option paths."
)

// problem is about a file as a whole. It takes the place of the file's first
// certificate, so that what was known of that stays open, and hides all the others.
func (f source) problem(reason watch.Reason, err error) watch.Problem {
	problem := watch.Problem{
		Subject: f.subject(&held{number: 1}), Reason: reason, Confined: true, HidesPrefix: f.place(""),
		Err:     fmt.Errorf("read certificate file %s: %w", cleanPath(f.path), err),
		Details: map[string]any{"path": cleanPath(f.path)},
		Remedy:  remedyFor(reason),
	}
	if why, ok := errors.AsType[*unopened](err); ok {
		problem.Reason, problem.Remedy = why.reason, why.remedy
	}
	return problem
}

func remedyFor(reason watch.Reason) string {
	return map[watch.Reason]string{
		watch.Unparsable:       remedyUnparsable,
		watch.PermissionDenied: remedyDenied,
		watch.TooLarge:         remedyTooLarge,
		watch.NoCertificate:    remedyEmpty,
		watch.NotFound:         remedyNotFound,
	}[reason]
}

// folderProblem is about something that hides an unknown number of files.
func folderProblem(path string, err error) watch.Problem {
	reason := reasonOf(err)
	return watch.Problem{
		Subject: watch.Subject{ID: path, Name: cleanPath(path)}, Reason: reason,
		Err:     fmt.Errorf("look for certificate files in %s: %w", cleanPath(path), pathless(err)),
		Details: map[string]any{"path": cleanPath(path)},
		Remedy:  remedyFor(reason),
	}
}
