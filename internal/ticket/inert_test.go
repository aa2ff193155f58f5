package ticket_test

import (
	"testing"

	"lapsewatch/internal/ticket"
)

func TestWhatNeedsNoEscapingInAnyMarkup(t *testing.T) {
	tests := map[string]bool{
		"certificate expires 2026-11-26 10:00 UTC, in 4 days": true,
		"shop.example.com:443":                                true,
		"could not be read: no answer within 5s":              true,
		"public-sites (tls)":                                  true,
		"Renew it; then look at the owner's page.":            true,
		"Schlüssel läuft ab":                                  true,
		"":                                                    true,
		"/etc/ssl/private/intranet.pem":                       false,
		"*.example.com":                                       false,
		"Platform team <platform@example.com>":                false,
		"@org/team":                                           false,
		"fixes #1":                                            false,
		"GH-1":                                                false,
		"see x-GH-1":                                          false,
		"OPS-7, please":                                       false,
		"www.evil.example.org":                                false,
		"(www.evil.example.org)":                              false,
		"https://evil.example.org":                            false,
		"5d41402abc4b2a76b9719d911017c592":                    false,
		"key:5d41402abc4b":                                    false,
		"snake_case_name":                                     false,
		"{code}":                                              false,
		"[code]":                                              false,
		"[~user]":                                             false,
		"1. one":                                              false,
		"h1. heading":                                         false,
		"bq. quote":                                           false,
		"- one":                                               false,
		"-struck out-":                                        false,
		"a -- b":                                              false,
		"a \\ b":                                              false,
		"`code`":                                              false,
		"a & b":                                               false,
		"!image.png!":                                         false,
		"$x$":                                                 false,
		":tada:":                                              false,
	}
	for text, want := range tests {
		if got := ticket.Inert(text); got != want {
			t.Errorf("Inert(%q) = %t", text, got)
		}
	}
}
