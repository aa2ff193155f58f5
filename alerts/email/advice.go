package email

import (
	"fmt"
	"strings"
)

// The replies that are about the login (RFC 4954, 6, and what Exchange and Gmail make of
// them).
const (
	replyLoginWanted  = 530
	replyLoginTooWeak = 534
	replyLoginRefused = 535
)

// markedWords say what to do about replies that Exchange Online marks by their enhanced
// code; the first that is found counts.
var markedWords = []struct{ mark, words string }{
	{"5.7.139", "SMTP AUTH is switched off for the tenant or the mailbox (Set-CASMailbox -SmtpClientAuthenticationDisabled $false), or a policy of the tenant blocks it"},
	{"5.7.30", "Exchange Online takes no password over SMTP: use auth: xoauth2 or transport: graph"},
	{"5.7.60", "the account may not send as the address in from: grant it Send As, or give its own address"},
}

// explain says what to do about a reply, where that can be known.
func (o Options) explain(status int, err error) error {
	text := err.Error()
	for _, row := range markedWords {
		if strings.Contains(text, row.mark+" ") {
			return fmt.Errorf("%w: %s", err, row.words)
		}
	}
	switch {
	case status == replyLoginWanted && o.Username == "":
		return fmt.Errorf("%w: the server wants a login: set username and password", err)
	case status != replyLoginRefused && status != replyLoginTooWeak:
		return err
	case o.Auth != xoauth2:
		return fmt.Errorf("%w: the server refuses the login of %s: see the password in %s", err, o.Username, o.Password)
	case o.Entra != nil:
		return fmt.Errorf("%w: the server refuses the application for the mailbox %s: in Entra it needs SMTP.SendAsApp of Office 365 Exchange Online, in Exchange a service principal (New-ServicePrincipal) and full access to the mailbox (Add-MailboxPermission)", err, o.Username)
	default:
		return fmt.Errorf("%w: the server refuses the access token of %s: see that whatever renews it in %s still runs", err, o.Username, o.Token)
	}
}
