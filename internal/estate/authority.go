package estate

import (
	"time"

	"lapsewatch/internal/pki"
)

const day = 24 * time.Hour

// authority is the estate's private PKI: a root, the issuing CA below it, and a
// certificate of that root from the root before it, which has run out.
type authority struct {
	now       time.Time
	root      pki.Pair
	issuing   pki.Pair
	crossSign pki.Pair
}

func newAuthority(now time.Time) (*authority, error) {
	a := &authority{now: now.UTC().Truncate(time.Second)}
	founded := a.now.AddDate(-5, 0, 0)
	root := func(name string) pki.Spec {
		return pki.Spec{CommonName: name, IsCA: true, NotBefore: founded, NotAfter: founded.AddDate(20, 0, 0)}
	}
	var err error
	if a.root, err = pki.SelfSigned(root("Estate Root G2")); err != nil {
		return nil, err
	}
	if a.issuing, err = a.root.Issue(pki.Spec{CommonName: "Estate Issuing CA", IsCA: true, NotBefore: founded, NotAfter: founded.AddDate(10, 0, 0)}); err != nil {
		return nil, err
	}
	before, err := pki.SelfSigned(root("Estate Root G1"))
	if err != nil {
		return nil, err
	}
	a.crossSign, err = before.Issue(pki.Spec{CommonName: "Estate Root G2", Key: a.root.Key, IsCA: true, NotBefore: founded, NotAfter: a.inDays(-3)})
	return a, err
}

// inDays is a date so many whole days ahead, and a few hours, so that the count of days
// does not change while somebody watches.
func (a *authority) inDays(days int) time.Time {
	return a.now.Add(time.Duration(days)*day + 6*time.Hour)
}

// yearly is a certificate of one year that ends in so many days.
func (a *authority) yearly(days int, names ...string) pki.Spec { return a.spec(365, days, names...) }

// spec is a certificate of so many days' life that ends in so many days.
func (a *authority) spec(life, days int, names ...string) pki.Spec {
	notAfter := a.inDays(days)
	return pki.Spec{CommonName: names[0], Names: names, NotBefore: notAfter.Add(-time.Duration(life) * day), NotAfter: notAfter}
}
