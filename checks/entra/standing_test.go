package entra

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/watch"
)

// secretItem and certificateItem are as the lists give them.
func secretItem(key, name string, start, end time.Time) item {
	return item{form: watch.ClientSecret, keyID: key, name: name, start: start, end: end}
}

func signingItems(mark byte, start, end time.Time) []item {
	custom := strings.Repeat(string(mark), 20)
	key := numbered(mark, 1)
	print := thumbprint([]byte(custom))
	return []item{
		{form: watch.ClientSecret, keyID: key, start: start, end: end, custom: custom},
		{form: watch.ClientCertificate, keyID: key, usage: "Sign", start: start, end: end, custom: custom, thumbprint: print},
		{form: watch.ClientCertificate, keyID: numbered(mark, 2), usage: "Verify", start: start, end: end, custom: custom, thumbprint: print},
	}
}

func TestReplacement(t *testing.T) {
	for _, row := range []struct {
		name  string
		other item
		want  string
	}{
		{"a newer secret that ends later takes over", secretItem("", "next", days(-1), days(300)), "secret next"},
		{"a newer certificate takes over from a secret", item{form: watch.ClientCertificate, usage: "Verify", name: "CN=x", start: days(-1), end: days(300)}, "certificate CN=x"},
		{"one that never ends takes over", secretItem("", "next", days(-1), time.Time{}), "secret next"},
		{"one that is not valid yet does not", secretItem("", "next", days(1), days(300)), ""},
		{"one that has expired does not", secretItem("", "next", days(-5), days(-1)), ""},
		{"one that ends a week later was made beside it", secretItem("", "next", days(-1), days(17)), ""},
		{"one that ends eight days later takes over", secretItem("", "next", days(-1), days(18)), "secret next"},
		{"an older one that ends later is not its successor", secretItem("", "older", days(-400), days(300)), ""},
		{"a certificate that encrypts tokens signs nobody in", item{form: watch.ClientCertificate, usage: "Encrypt", start: days(-1), end: days(300)}, ""},
		{"a federated credential has no dates to compare", item{form: watch.FederatedCredential}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := holder{items: []item{secretItem("", "old", days(-300), days(10)), row.other}}
			got := ""
			if found := h.replacement(0, now); found != nil {
				got = found.Name
			}
			equal(t, "replacement", got, row.want)
		})
	}
}

func TestNoTwoCredentialsReplaceEachOther(t *testing.T) {
	h := holder{items: []item{
		secretItem("", "a", days(-300), days(10)), secretItem("", "b", days(-200), days(20)), secretItem("", "c", days(-100), days(15)), secretItem("", "d", time.Time{}, days(40)),
	}}
	names := map[string]string{}
	for at := range h.items {
		if found := h.replacement(at, now); found != nil {
			names[h.items[at].name] = strings.TrimPrefix(found.Name, "secret ")
		}
	}
	for old, next := range names {
		if names[next] == old {
			t.Errorf("%s and %s replace each other", old, next)
		}
	}
	equal(t, "of the last", names["d"], "")
	equal(t, "of the first", names["a"], "b")
}

func TestSigningCertificates(t *testing.T) {
	two := func(firstEnd, secondEnd time.Time) []item {
		return append(signingItems('1', days(-900), firstEnd), signingItems('2', days(-10), secondEnd)...)
	}
	beginning := func(second time.Time) []item {
		return append(signingItems('1', days(-900), days(15)), signingItems('2', second, days(1000))...)
	}
	first, second := thumbprint([]byte(strings.Repeat("1", 20))), thumbprint([]byte(strings.Repeat("2", 20)))
	for _, row := range []struct {
		name     string
		active   string
		items    []item
		want     []standing
		rollover string
	}{
		{
			"the newer one waits", first, two(days(15), days(1000)), []standing{active, inactive},
			"has a newer one waiting inactive, valid until 2029-08-18: Entra will sign with that by itself on 2026-12-07, and users are locked out unless the application trusts it by then",
		},
		{
			"the active one has expired", first, two(days(-1), days(1000)), []standing{active, steppedIn},
			"has a newer one, valid until 2029-08-18, that was never made the active one: Entra has signed with that by itself since 2026-11-21, and users are locked out unless the application trusts it",
		},
		{"the newer one begins only after the end", first, beginning(days(20)), []standing{active, inactive}, ""},
		{"the active one has expired before the newer one begins", first, append(signingItems('1', days(-900), days(-1)), signingItems('2', days(20), days(1000))...), []standing{active, inactive}, ""},
		{"the newer one is active", second, two(days(15), days(1000)), []standing{inactive, active}, ""},
		{"the other one ends first", first, two(days(15), days(10)), []standing{active, inactive}, ""},
		{"Entra names no active one", "", two(days(15), days(1000)), []standing{standingUnknown, standingUnknown}, ""},
		{"Entra names one that is not there", thumbprint([]byte(strings.Repeat("9", 20))), two(days(15), days(1000)), []standing{standingUnknown, standingUnknown}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := holder{principal: true, activeThumbprint: row.active, items: row.items}
			h.gatherSigning(now)
			var got []standing
			rollover := ""
			for at := range h.items {
				got = append(got, h.items[at].standing)
				if observation, yes := h.rollover(at, now); yes {
					rollover += observation.Text
				}
			}
			equal(t, "standings", got, row.want)
			equal(t, "rollover", rollover, row.rollover)
		})
	}
}

func TestOnlyWhatBelongsToASigningCertificateIsCountedWithIt(t *testing.T) {
	items := append(signingItems('1', days(-900), days(15)),
		secretItem(keyIDOf(1), "own", days(-10), days(50)),
		item{form: watch.ClientCertificate, usage: "Verify", keyID: keyIDOf(2), custom: "other", start: days(-10), end: days(50)},
		item{form: watch.ClientCertificate, usage: "Encrypt", keyID: keyIDOf(3), custom: strings.Repeat("1", 20), start: days(-10), end: days(50)})
	h := holder{principal: true, appID: appID(1), items: items}
	h.gatherSigning(now)
	h.identify()
	var ids []string
	for _, i := range h.items {
		ids = append(ids, i.id)
	}
	slices.Sort(ids)
	equal(t, "items", ids, []string{
		"saml/" + strings.Repeat("31", 20), "sp/" + keyIDOf(1), "sp/" + keyIDOf(2), "sp/" + keyIDOf(3),
	})
}

func TestSecretsThatShareAnIdentifierAreEachTold(t *testing.T) {
	h := holder{principal: true, appID: appID(1), items: append(signingItems('1', days(-900), days(15)),
		item{form: watch.ClientSecret, keyID: keyIDOf(1), custom: "rbac", start: days(-10), end: days(5)},
		item{form: watch.ClientSecret, keyID: keyIDOf(2), custom: "rbac", start: days(-10), end: days(50)})}
	h.gatherSigning(now)
	secrets := 0
	for _, i := range h.items {
		if i.form == watch.ClientSecret {
			secrets++
		}
	}
	equal(t, "secrets beside the signing certificate", secrets, 2)
}

func TestIDsDoNotDependOnTheOrderOfTheList(t *testing.T) {
	items := []item{
		secretItem(keyIDOf(1), "b", days(-9), days(9)), secretItem(keyIDOf(1), "a", days(-9), days(9)), secretItem(keyIDOf(1), "c", days(-10), days(9)),
		secretItem("", "without", days(-9), days(9)), secretItem("", "without either", days(-9), days(9)),
	}
	named := func(items []item) map[string]string {
		h := holder{appID: appID(1), items: slices.Clone(items)}
		h.identify()
		names := map[string]string{}
		for _, i := range h.items {
			names[i.name] = i.id
		}
		return names
	}
	want := map[string]string{
		"c": keyIDOf(1), "a": keyIDOf(1) + "#2", "b": keyIDOf(1) + "#3", "without": "without-key-id", "without either": "without-key-id#2",
	}
	equal(t, "IDs", named(items), want)
	slices.Reverse(items)
	equal(t, "IDs of the reversed list", named(items), want)
}

func TestThumbprint(t *testing.T) {
	bytes := []byte("\x9c-a\xceF\x00\x01 \xfb`e\x89{\xa4Y\x9c\xb0\xe0\xd2\x12")
	const want = "9c2d61ce46000120fb6065897ba4599cb0e0d212"
	equal(t, "of bytes", thumbprint(bytes), want)
	equal(t, "of hexadecimal text", thumbprint([]byte(strings.ToUpper(want))), want)
	equal(t, "of a name", thumbprint([]byte("CWAP_AuthSecret")), "")
	equal(t, "of 40 other characters", thumbprint([]byte(strings.Repeat("x", 40))), "")
	equal(t, "of nothing", thumbprint(nil), "")
}

func TestUse(t *testing.T) {
	h := &holder{appID: appID(1)}
	for _, row := range []struct {
		name    string
		end     time.Time
		last    string
		unknown string
		want    watch.Use
	}{
		{"used yesterday", days(10), "2026-11-21T06:00:00Z", "", watch.Use{State: watch.InUse, LastUsed: days(-1)}},
		{"used 31 days ago", days(10), "2026-10-22T05:00:00Z", "", watch.Use{State: watch.Unused, LastUsed: days(-31).Add(-time.Hour)}},
		{"used the day before it expired, 20 days ago", days(-20), "2026-11-01T06:00:00Z", "", watch.Use{State: watch.InUse, LastUsed: days(-21)}},
		{"no sign-in on record", days(10), "", "", watch.Use{State: watch.UseUnknown, Text: "no sign-in with it is on record, which is not proof that there was none"}},
		{"the year 1 is no date", days(10), "0001-01-01T00:00:00Z", "", watch.Use{State: watch.UseUnknown, Text: "no sign-in with it is on record, which is not proof that there was none"}},
		{"a report that broke off proves use", days(10), "2026-11-21T06:00:00Z", "it broke off", watch.Use{State: watch.InUse, LastUsed: days(-1)}},
		{"a report that broke off proves no disuse", days(10), "2026-08-21T06:00:00Z", "it broke off", watch.Use{State: watch.UseUnknown, LastUsed: days(-93), Text: "it broke off"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := item{form: watch.ClientSecret, keyID: keyIDOf(1), end: row.end}
			a := activity{last: map[credentialKey]time.Time{{appID(1), keyIDOf(1), false}: {}}, unknown: row.unknown, read: now}
			noted := signInRow{AppID: strings.ToUpper(appID(1)), KeyID: strings.ToUpper(keyIDOf(1)), Origin: "application"}
			noted.SignIn = &struct {
				Last *string `json:"lastSignInDateTime"`
			}{&row.last}
			a.note(noted)
			a.note(signInRow{AppID: appID(1), KeyID: keyIDOf(1), Origin: "servicePrincipal", SignIn: noted.SignIn})
			equal(t, "use", a.use(h, &i, now, 30*day), row.want)
		})
	}
}

func TestRotation(t *testing.T) {
	certificate := item{form: watch.ClientCertificate, name: "CN=MS-Organization-P2P-Access [2026]"}
	proxySecretItem := item{form: watch.ClientSecret, name: "CWAP_AuthSecret"}
	for _, row := range []struct {
		name    string
		h       holder
		i       item
		proxied bool
		want    rotation
	}{
		{"a managed identity", holder{principal: true, kind: "ManagedIdentity"}, certificate, false, managedIdentity},
		{"the secret of Application Proxy", holder{name: "intranet"}, proxySecretItem, true, applicationProxy},
		{"that secret's old form", holder{name: "intranet"}, item{form: watch.ClientSecret, custom: "CWAP_AuthSecret"}, true, applicationProxy},
		{"another secret of the same application", holder{name: "intranet"}, item{form: watch.ClientSecret, name: "mine"}, true, notRotated},
		{"the name alone", holder{name: "intranet"}, proxySecretItem, false, notRotated},
		{"Entra Connect", holder{name: "ConnectSyncProvisioning_SRV01_3ac06f5648e4"}, item{form: watch.ClientCertificate, name: "CN=Entra Connect Sync Provisioning"}, false, entraConnect},
		{"another certificate under Entra Connect's name", holder{name: "ConnectSyncProvisioning_crm_0123456789ab"}, item{form: watch.ClientCertificate, name: "CN=payments-prod"}, false, notRotated},
		{"a secret added to Entra Connect", holder{name: "ConnectSyncProvisioning_SRV01_3ac06f5648e4"}, proxySecretItem, false, notRotated},
		{"a name like that of Entra Connect", holder{name: "ConnectSyncProvisioning_mine"}, certificate, false, notRotated},
		{"P2P Server", holder{name: "P2P Server"}, certificate, false, peerToPeer},
		{"a certificate added to P2P Server", holder{name: "P2P Server"}, item{form: watch.ClientCertificate, name: "CN=mine"}, false, notRotated},
	} {
		t.Run(row.name, func(t *testing.T) {
			equal(t, "class", rotationOf(&row.h, &row.i, row.proxied), row.want)
		})
	}
}

func TestRowsThatCouldNotBeReadAreNotTakenForNoSignIn(t *testing.T) {
	a := activity{unreadable: true, read: now}
	use := a.use(&holder{appID: appID(1)}, &item{keyID: keyIDOf(1), end: days(5)}, now, 30*day)
	equal(t, "use", use, watch.Use{State: watch.UseUnknown, Text: "no sign-in with it is among the rows of the report that could be read"})
}

func TestInSAMLModeACertificateWithAPasswordSigns(t *testing.T) {
	items := signingItems('1', days(-900), days(15))
	h := holder{principal: true, samlMode: true, items: []item{items[0], items[2]}}
	h.gatherSigning(now)
	equal(t, "items", len(h.items), 1)
	equal(t, "form", h.items[0].form, watch.SigningCertificate)
}

func TestARolloverIsNoNewsOnceItIsLongPast(t *testing.T) {
	options := defaults()
	d := describer{options: &options, now: now}
	for _, row := range []struct {
		name     string
		end      time.Time
		unusable string
		told     bool
	}{
		{"a fortnight ahead", days(14), "", true},
		{"a fortnight ago", days(-14), "", true},
		{"two months ago", days(-60), "", false},
		{"of a disabled application", days(14), textDisabled, false},
	} {
		h := holder{principal: true, activeThumbprint: thumbprint([]byte(strings.Repeat("1", 20))), unusable: row.unusable}
		h.items = append(signingItems('1', days(-900), row.end), signingItems('2', days(-100), days(900))...)
		h.gatherSigning(now)
		h.identify()
		fact := d.fact(&h, 0)
		equal(t, row.name, observed(fact, watch.RolloverPending) != "", row.told)
	}
}
