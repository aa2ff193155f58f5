package entra

import (
	"strings"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/watch"
)

func TestOwnersComeFromTheFirstSourceThatKnowsAnybody(t *testing.T) {
	options := defaults()
	options.Owners = []OwnerRule{{Filter{Tag: "team-a"}, []string{"a@example.com"}}, {Filter{Name: "crm/*"}, []string{"crm@example.com"}}}
	options.FallbackOwners = []string{"all@example.com"}
	d := describer{options: &options}
	ada, bob := owner{name: "Ada", mail: "ada@example.com"}, owner{name: "Bob"}
	for _, row := range []struct {
		name string
		h    holder
		from ownership
		want string
	}{
		{"owners with mail", holder{reference: "ref@example.com", tags: []string{"team-a"}}, ownership{asked: true, owners: []owner{ada, bob}}, "ada@example.com"},
		{"addresses of SAML notices beside owners", holder{notify: []string{"sso@example.com", "ADA@example.com", "no address"}}, ownership{asked: true, owners: []owner{ada}}, "ada@example.com sso@example.com"},
		{"the reference of the service management", holder{reference: "ref@example.com; b@example.com CHG-1", notes: "NotifyEmail=n@example.com"}, ownership{asked: true, owners: []owner{bob}}, "ref@example.com b@example.com n@example.com"},
		{"notes", holder{notes: "owned by\r\nnotifyemail = n@example.com,m@example.com and others@example.com"}, ownership{asked: true}, "n@example.com m@example.com"},
		{"an address in notes without the mark is prose", holder{notes: "ask old@example.com"}, ownership{asked: true}, "all@example.com"},
		{"a rule by tag", holder{tags: []string{"Team-A"}}, ownership{asked: true}, "a@example.com"},
		{"a rule by name", holder{name: "CRM/mail/eu"}, ownership{asked: true}, "crm@example.com"},
		{"the fallback", holder{name: "other"}, ownership{asked: true, owners: []owner{bob}}, "all@example.com"},
		{"while nobody asked, the fallback keeps quiet", holder{name: "other"}, ownership{}, ""},
		{"hostile notes", holder{notes: "NotifyEmail=x@example.com\r\nBcc:evil@example.com"}, ownership{asked: true}, "x@example.com"},
	} {
		t.Run(row.name, func(t *testing.T) {
			equal(t, "owners", strings.Join(d.route(&row.h, row.from, row.from.asked), " "), row.want)
		})
	}
}

func TestNobodyIsSaidToOwnAnApplicationOnlyWhereThatIsKnown(t *testing.T) {
	options := defaults()
	d := describer{options: &options}
	for _, row := range []struct {
		name string
		h    holder
		from ownership
		want bool
	}{
		{"asked, and there is none", holder{}, ownership{asked: true}, true},
		{"nobody asked", holder{}, ownership{}, false},
		{"they could not be read", holder{}, ownership{asked: true, failed: "forbidden"}, false},
		{"it was deleted meanwhile", holder{}, ownership{asked: true, gone: true}, false},
		{"its notices of SAML certificates go to somebody", holder{notify: []string{"sso@example.com"}}, ownership{asked: true}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			fact := watch.Credential{Details: map[string]any{"holder": "application"}}
			d.addOwners(&fact, &row.h, row.from)
			equal(t, "nobody to tell", observed(fact, watch.NoOwner) != "", row.want)
		})
	}
}

func TestAnOwnersMailComesBeforeOtherAddresses(t *testing.T) {
	ada := models.NewUser()
	ada.SetOtherMails([]string{"no address", "ada@home.example"})
	equal(t, "without mail", ownerOf(ada).mail, "ada@home.example")
	mail := "ada@example.com"
	ada.SetMail(&mail)
	equal(t, "with mail", ownerOf(ada).mail, mail)
}

func TestPlainAddress(t *testing.T) {
	for text, want := range map[string]string{
		"a@example.com": "a@example.com", " a@example.com ": "a@example.com", "o'neil+x@example.co.uk": "o'neil+x@example.co.uk",
		"A <a@example.com>": "", "<a@example.com>": "", `"a b"@example.com`: "", "a@example.com,b@example.com": "", "a@exa\nmple.com": "",
		"a@example.com\r\nBcc: b@example.com": "", "a": "", "": "", "ä@example.com": "", "a@ex\u202eample.com": "", strings.Repeat("a", 250) + "@example.com": "",
	} {
		if got := plainAddress(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestFilters(t *testing.T) {
	h := &holder{name: "Finance/ERP Export", appID: appID(1), tags: []string{"prod", "erp"}}
	for _, row := range []struct {
		filter Filter
		want   bool
	}{
		{Filter{Name: "finance*"}, true}, {Filter{Name: "*export"}, true}, {Filter{Name: "{hr,finance}/*"}, true}, {Filter{Name: "erp*"}, false},
		{Filter{Tag: "PROD"}, true}, {Filter{Tag: "pro"}, false}, {Filter{AppID: strings.ToUpper(appID(1))}, true}, {Filter{AppID: appID(2)}, false},
		{Filter{Tag: "prod", Name: "hr*"}, false}, {Filter{Tag: "prod", Name: "fin*", AppID: appID(1)}, true},
	} {
		if got := row.filter.matches(h); got != row.want {
			t.Errorf("%+v matches: %v", row.filter, got)
		}
	}
}
