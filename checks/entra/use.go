package entra

import (
	"cmp"
	"time"

	"lapsewatch/watch"
)

// credentialKey tells credentials apart in the sign-in report. An application and its
// service principal have their own, which may have the same key ID.
type credentialKey struct {
	appID, keyID string
	principal    bool
}

// activity is what the sign-in report told of the credentials that it was asked about.
type activity struct {
	last map[credentialKey]time.Time
	// unknown says why the report does not tell everything; empty if it does.
	unknown string
	// unreadable: some rows could not be read, and nobody knows whose they are.
	unreadable bool
	// read is when the report was read, by the machine's clock.
	read time.Time
	// before is what an earlier pass knew to be unused, for a report that cannot be read.
	before map[[8]byte]watch.Use
}

// signInRow is one row of GET /reports/appCredentialSignInActivities. Dates stay text,
// because not all of them are RFC 3339.
type signInRow struct {
	AppID  string `json:"appId"`
	KeyID  string `json:"keyId"`
	Origin string `json:"credentialOrigin"`
	SignIn *struct {
		Last *string `json:"lastSignInDateTime"`
	} `json:"signInActivity"`
}

// note keeps the latest sign-in of a credential that is asked about.
func (a *activity) note(row signInRow) {
	if row.SignIn == nil {
		return
	}
	key := credentialKey{guid(row.AppID), guid(row.KeyID), row.Origin == "servicePrincipal"}
	before, asked := a.last[key]
	if !asked {
		return
	}
	text := deref(row.SignIn.Last)
	last, ok := lenientTime(text)
	switch {
	case ok && last.After(before):
		a.last[key] = last
	case !ok && text != "" && !neverStamp(text):
		a.unreadable = true
	}
}

const (
	textNoSignIn       = "no sign-in with it is on record, which is not proof that there was none"
	textElsewhere      = "sign-ins in other tenants, which may use it too, are not in this tenant's report"
	textRowsUnreadable = "no sign-in with it is among the rows of the report that could be read"
)

// use is what the report tells of an item. A credential that has expired counts as in use
// when it was used shortly before its end: whoever did is failing now.
func (a *activity) use(h *holder, i *item, now time.Time, unusedAfter time.Duration) watch.Use {
	key := credentialKey{h.appID, i.keyID, h.principal}
	last := a.last[key]
	if known, ok := a.before[key.digest()]; ok && a.unknown != "" && !last.After(known.LastUsed.Add(day)) {
		return known
	}
	if last.IsZero() {
		why := cmp.Or(a.unknown, textNoSignIn)
		if a.unknown == "" && a.unreadable {
			why = textRowsUnreadable
		}
		return watch.Use{State: watch.UseUnknown, Text: why}
	}
	// A report of today says nothing of the time until an instant that lies ahead.
	until := earlier(now, a.read)
	if !i.endless() {
		until = earlier(until, i.end)
	}
	unknown := func(why string) watch.Use {
		return watch.Use{State: watch.UseUnknown, LastUsed: last, Text: why}
	}
	switch {
	case !last.Before(until.Add(-unusedAfter)):
		return watch.Use{State: watch.InUse, LastUsed: last}
	case a.unknown != "":
		return unknown(a.unknown)
	case a.unreadable:
		return unknown(textRowsUnreadable)
	case h.multiTenant:
		return unknown(textElsewhere)
	default:
		return watch.Use{State: watch.Unused, LastUsed: last}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
