package email

import (
	"errors"
	netmail "net/mail"
	"net/url"
	"strings"

	"github.com/wneessen/go-mail"
)

// recipientMark stands in the URL for the address of whoever gets the mail.
const recipientMark = "{recipient}"

// Unsubscribe says how recipients ask not to be told any more. Who answers has to take
// them out of the configuration: Lapsewatch reads no mail and serves no page for it.
type Unsubscribe struct {
	URL      string `yaml:"url,omitempty" jsonschema_description:"https URL of the page; {recipient} in it stands for the address"`
	Mailto   string `yaml:"mailto,omitempty" jsonschema_description:"address that takes such wishes"`
	OneClick bool   `yaml:"one_click,omitempty" jsonschema_description:"the page takes the wish from a POST without any question (RFC 8058)"`
}

func (u Unsubscribe) validate(wrong report) {
	// Neither the mark nor anything else that a host cannot have is parsed as one.
	if address, err := url.Parse(u.URL); u.URL != "" && (err != nil || address.Scheme != "https" || address.Hostname() == "" || address.User != nil || strings.ContainsAny(u.URL, "<>\" ,") || !ascii(u.URL)) {
		wrong("unsubscribe.url", errors.New("want https://HOST/…, in which {recipient} stands for the address"))
	}
	if u.Mailto != "" {
		if parsed, err := netmail.ParseAddress(u.Mailto); err != nil || parsed.Address != u.Mailto {
			wrong("unsubscribe.mailto", errors.New("want a bare address: name@example.com"))
		}
	}
	if u.OneClick && u.URL == "" {
		wrong("unsubscribe.one_click", errors.New("it needs url: a mail reader posts to it (RFC 8058, 3.1)"))
	}
}

// announce sets the headers of RFC 2369 and RFC 8058.
func (u Unsubscribe) announce(composed *mail.Msg, recipient string) {
	var ways []string
	if u.URL != "" {
		ways = append(ways, "<"+strings.ReplaceAll(u.URL, recipientMark, url.QueryEscape(bare(recipient)))+">")
	}
	if u.Mailto != "" {
		ways = append(ways, "<mailto:"+(&url.URL{Path: u.Mailto}).EscapedPath()+"?subject=unsubscribe>")
	}
	if len(ways) == 0 {
		return
	}
	composed.SetGenHeader("List-Unsubscribe", strings.Join(ways, ", "))
	if u.OneClick {
		composed.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
}

// bare is the address without a display name.
func bare(recipient string) string {
	if parsed, err := netmail.ParseAddress(recipient); err == nil {
		return parsed.Address
	}
	return recipient
}
