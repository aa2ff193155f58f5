// Package weblink decides which links may be shown as links. It does not look at where
// they lead.
package weblink

import (
	"fmt"
	"net/url"
	"strings"

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
	if clean.Text(link, longest) != link || strings.ContainsAny(address.Host, unsafe) {
		return ""
	}
	return escapeUnsafe().Replace(address.String())
}

// unsafe are the characters that no URL holds unescaped (RFC 3986, 2) and that could
// end an attribute or a Markdown link.
const unsafe = "\"<>`\\^{|} "

// escapeUnsafe mends what package net/url leaves as it is in queries and fragments.
func escapeUnsafe() *strings.Replacer {
	var pairs []string
	for _, char := range unsafe {
		pairs = append(pairs, string(char), fmt.Sprintf("%%%02X", char))
	}
	return strings.NewReplacer(pairs...)
}
