package mailflow

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
)

const (
	maxHops = 20
	// maxReceived bounds one header field.
	maxReceived = 4 << 10
	maxHost     = 100
	stampLayout = "2006-01-02 15:04:05 UTC"
)

// hop is a server that a mail came through (RFC 5321, 4.4), by that server's own clock.
type hop struct {
	host string
	at   time.Time
}

var by = regexp.MustCompile(`(?i)(?:^|\s)by\s+([^\s;()]{1,255})`)

// hopsOf reads the way of a mail, its first server first. What cannot be read is left out:
// it is written by whoever handled the mail.
func hopsOf(received []string) []hop {
	var hops []hop
	for _, field := range received[:min(len(received), maxHops)] {
		if one, ok := readHop(field); ok {
			hops = append(hops, one)
		}
	}
	slices.Reverse(hops) // each server writes above what it finds
	return hops
}

func readHop(field string) (hop, bool) {
	if len(field) > maxReceived {
		return hop{}, false
	}
	semicolon := strings.LastIndexByte(field, ';')
	named := by.FindStringSubmatch(field)
	if semicolon < 0 || named == nil {
		return hop{}, false
	}
	at, err := mail.ParseDate(strings.Join(strings.Fields(field[semicolon+1:]), " "))
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return hop{}, false
	}
	return hop{clean.Text(named[1], maxHost), at.UTC()}, true
}

func (h hop) String() string { return h.at.Format(stampLayout) + " by " + h.host }

// described are the hops for a report.
func described(hops []hop) []string {
	var texts []string
	for _, one := range hops {
		texts = append(texts, one.String())
	}
	return texts
}

// longestStop says in a clause between which two servers a mail was longest, by their own
// clocks; empty if that was less than a second.
func longestStop(hops []hop) string {
	var worst time.Duration
	text := ""
	for i := range hops[:max(len(hops)-1, 0)] {
		took := hops[i+1].at.Sub(hops[i].at)
		if took > worst && took >= time.Second {
			worst, text = took, fmt.Sprintf("it was longest between %s and %s, %s by their clocks", hops[i].host, hops[i+1].host, span(took))
		}
	}
	return text
}
