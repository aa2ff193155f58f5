package mailflow

import (
	"encoding/json"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"
)

const fuzzID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func FuzzReadRecord(f *testing.F) {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{"", "{}", "null", "[]", `{"out":[{"id":"` + fuzzID + `","sent":1}]}`, `{"out":[{"id":"` + fuzzID + `","sent":9e18}]}`, `{"last":{"id":"` + fuzzID + `","sent":1,"took":-1}}`, `{"left":["x"]}`} {
		f.Add([]byte(seed))
	}
	flow := Flow{From: "a@example.com"}
	flow.Arrive.IMAP = &IMAP{}
	f.Fuzz(func(t *testing.T, value []byte) {
		kept := readRecord(value, now)
		if kept == nil {
			return
		}
		for _, one := range kept.Out {
			if one.sentAt().After(now.Add(clockMayBeAhead)) || !idPattern.MatchString(one.ID) {
				t.Errorf("%+v", one)
			}
		}
		if last := kept.Last; last != nil && at(last.Sent).After(now.Add(clockMayBeAhead)) {
			t.Errorf("%+v", last)
		}
		kept.giveUp(now, flow)
		_ = kept.due(now, flow)
		told := (&story{flow: flow, record: kept, now: now}).fact()
		if told.About().ID == "" {
			t.Error("nothing is told")
		}
		written, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if again := readRecord(written, now); again == nil {
			t.Errorf("what was read is not read again: %s", written)
		}
	})
}

func FuzzHopsOf(f *testing.F) {
	for _, seed := range []string{
		"from a by b with ESMTPS id 1; Sun, 22 Nov 2026 12:00:00 +0000", "by ;", "by x; 0", "by \x1b[31m; Sun, 22 Nov 2026 12:00:00 +0000", strings.Repeat("by ", 3000),
		"from x (HELO by y) by z (Postfix, from userid 0) id 1; Sun, 22 Nov 2026 12:00:00 -0000 (UTC)",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		hops := hopsOf([]string{first, second})
		for _, text := range append(described(hops), longestStop(hops)) {
			if len([]rune(text)) > 400 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("shown %q", text)
			}
		}
	})
}

func FuzzIsCanary(f *testing.F) {
	for _, seed := range []string{
		"X-Lapsewatch-Canary: " + fuzzID + "\r\n\r\n", "X-Lapsewatch-Canary: " + fuzzID + "\r\nIn-Reply-To: <a>\r\n\r\n", "", ":", "\x00", "X-Lapsewatch-Canary:\r\n\t" + fuzzID,
		"Auto-Submitted: auto-replied; owner-email=\"a@b\"\r\nX-Lapsewatch-Canary: " + fuzzID,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		header := readHeader(raw)
		if !isCanary(header, fuzzID) {
			return
		}
		if !strings.Contains(string(raw), fuzzID) || isCanary(header, fuzzID[1:]) || isCanary(mail.Header{}, fuzzID) {
			t.Errorf("%q counts as the canary", raw)
		}
	})
}
