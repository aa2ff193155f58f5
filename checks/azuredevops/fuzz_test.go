package azuredevops

import (
	"encoding/json"
	"strings"
	"testing"

	"lapsewatch/watch"
)

func FuzzListedPAT(f *testing.F) {
	for _, seed := range []string{
		`{"displayName":"work_token","validTo":"2020-11-23T04:03:55.8033333Z","scope":"vso.work_full","targetAccounts":["38aaa865-2c70-4bf7-a308-0c6539c38c1a"],"validFrom":"2020-10-24T03:04:19.1466667Z","authorizationId":"eabb38b2-48ef-440b-959b-b9e6cb37a64e","token":null}`,
		`{"validFrom":"2018-07-19T00:00:00","validTo":"2018-07-19T00:00:00","isValid":true}`, `{"validTo":"0001-01-01T00:00:00Z"}`, `{"validTo":7}`, `null`, `[]`,
	} {
		f.Add([]byte(seed), "ada@example.com")
	}
	f.Fuzz(func(t *testing.T, raw []byte, mail string) {
		var found pat
		unread := json.Unmarshal(raw, &found) != nil
		of := user{Descriptor: "aad.x", MailAddress: mail}
		l := &lister{check: &check{options: Options{Organization: "fabrikam"}}}
		if credential, ok := l.fact(found, unread, of).(watch.Credential); ok && (credential.NotAfter.Year() <= 1 || credential.Life < 0) {
			t.Errorf("%q ends at %s", raw, credential.NotAfter)
		}
		for _, owner := range of.owners() {
			if strings.ContainsAny(owner, "\r\n<>, ;\"") || strings.Count(owner, "@") != 1 {
				t.Errorf("%q is told as %q", mail, owner)
			}
		}
	})
}
