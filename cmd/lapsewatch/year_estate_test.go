package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"lapsewatch/watch"
)

// yearBegins is the day of the first run; the year from it has a 29 February.
func yearBegins() time.Time { return time.Date(2027, time.June, 1, 6, 0, 0, 0, time.UTC) }

const (
	yearLong = 366
	yearAda  = "ada@example.com"
	aYear    = 365 * aDay
)

// newYearWorld is an estate of 500 credentials.
func newYearWorld() *yearWorld {
	w := &yearWorld{random: rand.New(rand.NewPCG(2027, 6)), now: yearBegins()}
	w.putAdas()
	w.putParticular()
	w.putMachines()
	w.putPeoples()
	for i := len(w.things); i < 500; i++ {
		w.put("acme", fmt.Sprintf("spare-%03d.example.com:443", i), watch.Certificate, 90*aDay, byMachine, w.owner())
	}
	on := func(day, days int) span {
		from := yearBegins().Add(time.Duration(day)*aDay - 2*time.Hour)
		return span{from, from.Add(time.Duration(days) * aDay)}
	}
	w.blind = map[string]span{"apps": on(75, 3)}
	w.halved = map[string]span{"devices": on(170, 7)}
	for i, each := range w.of("public")[20:30] {
		each.dark = on(30*i+14, 1)
	}
	// What the run that distrusts its clock sees first.
	w.of("public")[31].dark = on(distrusted.first, 20)
	for i, each := range w.of("acme")[20:24] {
		each.dark = on(80*i+25, 14)
	}
	return w
}

func (w *yearWorld) of(check string) []*thing {
	var found []*thing
	for _, each := range w.things {
		if each.check == check {
			found = append(found, each)
		}
	}
	return found
}

func (w *yearWorld) owner() string { return fmt.Sprintf("owner-%02d@example.com", w.random.IntN(15)) }

// putAdas gives one owner a dozen credentials of all sorts.
func (w *yearWorld) putAdas() {
	put := func(check, id string, form watch.Form, life time.Duration, treated habit, ends int) *thing {
		return w.put(check, id, form, life, treated, yearAda).endingOn(ends)
	}
	put("public", "shop.example.com:443", watch.Certificate, aYear, promptly, 62)
	put("public", "intranet.example.com:443", watch.Certificate, aYear, late, 110)
	put("public", "legacy.example.com:443", watch.Certificate, aYear, afterExpiry, 200)
	wiki := put("public", "wiki.example.com:443", watch.Certificate, aYear, promptly, 186)
	wiki.delay = 5 * aDay
	wiki.dark = span{yearBegins().Add(158*aDay - 2*time.Hour), yearBegins().Add(172*aDay - 2*time.Hour)}
	assets := put("public", "assets.example.com:443", watch.Certificate, aYear, promptly, 262)
	assets.twinUntil = yearBegins().Add(259 * aDay)
	put("acme", "api.example.com:443", watch.Certificate, 90*aDay, byMachine, 40)
	put("acme", "blog.example.com:443", watch.Certificate, 90*aDay, byMachine, 50).fails = 2
	edge := put("acme", "edge.example.com:443", watch.Certificate, 47*aDay, byMachine, 30)
	edge.fails, edge.delay = 4, 9*aDay
	mesh := put("acme", "mesh.example.com:8443", watch.Certificate, 160*time.Hour, byMachine, 5)
	mesh.fails = 60
	put("apps", "crm-mail", watch.ClientSecret, 2*aYear, beside, 90)
	put("apps", "report-export", watch.ClientSecret, aYear, removal, 300)
	vpn := put("devices", "vpn.example.com", watch.Certificate, aYear, late, 232)
	vpn.acknowledge = &acknowledging{after: 2*aDay - time.Hour, lasts: 10 * aDay}
}

// putParticular puts what the year must have seen once: the acknowledgements, the
// networks that serve two certificates in turn, and what nobody owns.
func (w *yearWorld) putParticular() {
	replaced := w.put("public", "replaced.example.com:443", watch.Certificate, 200*aDay, promptly, w.owner()).endingOn(60)
	replaced.acknowledge = &acknowledging{after: 2*aDay - time.Hour, lasts: 320 * aDay}
	replaced.delay = 6 * aDay
	stopgap := w.put("public", "stopgap.example.com:443", watch.Certificate, aYear, promptly, w.owner()).endingOn(310)
	stopgap.acknowledge = &acknowledging{after: 2*aDay - time.Hour, lasts: 60 * aDay}
	stopgap.delay, stopgap.stopgap = 6*aDay, 20*aDay
	worse := w.put("public", "worse.example.com:443", watch.Certificate, aYear, afterExpiry, w.owner()).endingOn(75)
	worse.acknowledge = &acknowledging{after: 2*aDay - time.Hour, lasts: 60 * aDay}
	for i := range 9 {
		twin := w.put("public", fmt.Sprintf("cdn-%d.example.net:443", i), watch.Certificate, aYear, promptly, w.owner()).endingOn(60 + 25*i)
		twin.twinUntil = yearBegins().Add(time.Duration(60+25*i-3*(i%3)) * aDay)
	}
	newcomer := w.put("public", "newcomer.example.com:443", watch.Certificate, aYear, late, w.owner()).endingOn(distrusted.first + 20)
	newcomer.absent = []span{{yearBegins().Add(-aDay), yearBegins().Add(time.Duration(distrusted.first)*aDay - time.Hour)}}
	w.put("devices", "orphan-1.example.com", watch.Certificate, aYear, late).endingOn(180)
	w.put("devices", "orphan-2.example.com", watch.Certificate, aYear, afterExpiry).endingOn(120)
	w.put("devices", "stranger.example.org", watch.Certificate, aYear, promptly, "eve@example.org").endingOn(300)
	leap := w.put("public", "leap.example.com:443", watch.Certificate, aYear, late, w.owner())
	leap.carry(time.Date(2027, time.March, 31, 12, 0, 0, 0, time.UTC))
	leap.dark = span{yearBegins().Add(285*aDay - time.Hour), yearBegins().Add(285*aDay + time.Hour)}
	w.put("public", "leap-day.example.com:443", watch.Certificate, aYear, late, w.owner()).carry(time.Date(2027, time.February, 28, 12, 0, 0, 0, time.UTC))
}

func (w *yearWorld) putMachines() {
	for i := range 115 {
		w.put("acme", fmt.Sprintf("site-%03d.example.com:443", i), watch.Certificate, 90*aDay, byMachine, w.owner())
	}
	for i := range 60 {
		w.put("acme", fmt.Sprintf("pod-%02d.example.com:443", i), watch.Certificate, 47*aDay, byMachine, w.owner())
	}
	for i := range 20 {
		w.put("acme", fmt.Sprintf("mesh-%02d.example.com:8443", i), watch.Certificate, 160*time.Hour, byMachine, w.owner())
	}
	for i, each := range w.of("acme") {
		if i > 30 && i%9 == 0 {
			each.fails, each.delay = 1+i%3, w.days(1, 25)
		}
	}
}

// putPeoples are most of all: what people renew when they are told.
func (w *yearWorld) putPeoples() {
	habits := []habit{promptly, promptly, promptly, promptly, promptly, promptly, late, late, afterExpiry, promptly}
	for i := range 145 {
		w.put("public", fmt.Sprintf("www-%03d.example.com:443", i), watch.Certificate, aYear, habits[i%10], w.owner())
	}
	for i := range 25 {
		w.put("devices", fmt.Sprintf("switch-%d.example.com", i), watch.Certificate, aYear, habits[i%10], w.owner())
	}
	habits = []habit{beside, beside, beside, removal, restored, beside, afterExpiry}
	for i := range 108 {
		w.put("apps", fmt.Sprintf("app-%03d", i), watch.ClientSecret, time.Duration(1+i%2)*aYear, habits[i%7], w.owner())
	}
}
