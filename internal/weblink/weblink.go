// Package weblink decides which links may be shown as links. It does not look at where
// they lead.
package weblink

import (
	"net/url"

	"lapsewatch/internal/clean"
)

// longest is the length that every mail reader and browser takes.
const longest = 2000

// HTTPS is the link when it is an absolute https URL without user name that can be
// shown as it is, and otherwise empty.
func HTTPS(link string) string {
	address, err := url.Parse(link)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" || address.User != nil || len(link) > longest {
		return ""
	}
	if clean.Text(link, longest) != link {
		return ""
	}
	return address.String()
}
