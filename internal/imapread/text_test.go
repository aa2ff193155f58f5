package imapread

import "testing"

func TestFoldersAreNamedAsIMAP4rev1SpellsThem(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX": "INBOX", "Junk E-Mail": "Junk E-Mail", "Entwürfe": "Entw&APw-rfe", "R&D": "R&-D",
		// RFC 3501, 5.1.3
		"~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "☺": "&Jjo-",
	} {
		if got := mailboxName(name); got != want {
			t.Errorf("%s is spelt %s, want %s", name, got, want)
		}
	}
}

func TestAStringIsQuotedOrALiteral(t *testing.T) {
	for text, want := range map[string]string{`a"b\c`: `"a\"b\\c"`, "": `""`} {
		if got := literal(text); len(got) != 1 || got[0] != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
	if got := literal("pässword\r\n"); len(got) != 2 || got[0] != "{11}\r\n" || got[1] != "pässword\r\n" {
		t.Errorf("written %q", got)
	}
}
