package weblink_test

import (
	"net/url"
	"strings"
	"testing"

	"lapsewatch/internal/weblink"
)

func TestHTTPS(t *testing.T) {
	tests := []struct{ name, link, want string }{
		{"an https link stays", "https://portal.example.com/app?id=1#key", "https://portal.example.com/app?id=1#key"},
		{"an upper-case scheme is still https", "HTTPS://portal.example.com/", "https://portal.example.com/"},
		{"quotes and angle brackets are escaped", `https://portal.example.com/"><b>`, "https://portal.example.com/%22%3E%3Cb%3E"},
		{"quotes in the query are escaped too", `https://portal.example.com/?q="><b>#"`, "https://portal.example.com/?q=%22%3E%3Cb%3E#%22"},
		{"a quote in the host is no link", `https://portal"onload.example.com/`, ""},
		{"plain http is no link", "http://portal.example.com/", ""},
		{"a script is no link", "javascript:alert(1)", ""},
		{"a path is no link", "/certificates/1", ""},
		{"a user name that imitates a host is no link", "https://portal.example.com@evil.example.org/", ""},
		{"a link without host is no link", "https:///certificates", ""},
		{"a direction override is no link", "https://portal.example.com/\u202egpj", ""},
		{"a line break is no link", "https://portal.example.com/\r\nBcc: x", ""},
		{"a link beyond the limit is no link", "https://portal.example.com/" + strings.Repeat("a", 2000), ""},
		{"nothing is no link", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := weblink.HTTPS(test.link); got != test.want {
				t.Errorf("HTTPS(%q) = %q, want %q", test.link, got, test.want)
			}
		})
	}
}

func FuzzHTTPS(f *testing.F) {
	for _, seed := range []string{"https://example.com/", "javascript:alert(1)", "https://a@b/", "https://[::1]/?q=%zz", "//example.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		got := weblink.HTTPS(link)
		if got == "" {
			return
		}
		address, err := url.Parse(got)
		if err != nil || address.Scheme != "https" || address.User != nil || strings.ContainsAny(got, "\"<>\r\n\x00") {
			t.Errorf("HTTPS(%q) = %q", link, got)
		}
	})
}
