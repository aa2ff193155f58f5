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
	if last, ok := lenientTime(deref(row.SignIn.Last)); ok && last.After(before) {
		a.last[key] = last
	}
}

const (
	textNoSignIn       = "no sign-in with it is on record, which is not proof that there was none"
	textRowsUnreadable = "no sign-in with it is among the rows of the report that could be read"
)

// use is what the report tells of an item. A credential that has expired counts as in use
// when it was used shortly before its end: whoever did is failing now.
func (a *activity) use(h *holder, i *item, now time.Time, unusedAfter time.Duration) watch.Use {
	last := a.last[credentialKey{h.appID, i.keyID, h.principal}]
	if last.IsZero() {
		why := cmp.Or(a.unknown, textNoSignIn)
		if a.unknown == "" && a.unreadable {
			why = textRowsUnreadable
		}
		return watch.Use{State: watch.UseUnknown, Text: why}
	}
	until := now
	if !i.endless() && i.end.Before(now) {
		until = i.end
	}
	if last.Before(until.Add(-unusedAfter)) {
		if a.unknown != "" {
			return watch.Use{State: watch.UseUnknown, LastUsed: last, Text: a.unknown}
		}
		return watch.Use{State: watch.Unused, LastUsed: last}
	}
	return watch.Use{State: watch.InUse, LastUsed: last}
}
