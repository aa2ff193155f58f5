package report

import (
	"fmt"
	"strings"
	"time"

	"lapsewatch/watch"
)

const stampLayout = "2006-01-02 15:04 UTC"

func stamp(date time.Time) string {
	if date.IsZero() {
		return ""
	}
	return date.UTC().Format(stampLayout)
}

// endless also knows the dates of findings that policy did not judge.
func endless(finding watch.Finding) bool {
	return finding.NeverExpires || finding.NotAfter.Year() >= lastDate().Year()
}

// left says in whole days how far notAfter is from now, rounded towards now so that
// nothing seems to last, or to have lapsed, longer than it does. Seconds are the floor,
// as in the messages and in days_left beside it.
func left(finding watch.Finding, now time.Time) string {
	notAfter := finding.NotAfter
	if notAfter.IsZero() {
		return ""
	}
	if endless(finding) {
		return "never"
	}
	seconds := notAfter.Unix() - now.Unix()
	if now.Nanosecond() > notAfter.Nanosecond() {
		seconds--
	}
	days, suffix := max(seconds, -seconds)/86400, ""
	if seconds < 0 {
		suffix = " ago"
	}
	if days == 0 {
		return "<1 d" + suffix
	}
	return fmt.Sprintf("%d d%s", days, suffix)
}

// acknowledged says who has taken note of a finding, why and for how long.
func acknowledged(noted watch.Acknowledgement) string {
	return fmt.Sprintf("acknowledged until %s by %s: %s", stamp(noted.Until), plain(noted.By), plain(noted.Reason))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// summaryText is the report in one line: "3 subjects: 1 critical, 2 ok". It leaves out
// that nobody has verified the clock, which asks nothing of the reader.
func summaryText(pass watch.Pass) string {
	var parts []string
	for _, severity := range watch.Severities() {
		if n := pass.Summary.Of(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	text := counted(pass.Summary.Subjects, "subject", "subjects")
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	if pass.Clock.Trusted && !pass.Clock.Verified && pass.Clock.Unverified == "" {
		return text
	}
	return text + "; " + clockText(pass.Clock)
}

func clockText(clock watch.OwnClock) string {
	measured := fmt.Sprintf("%+.3f s", clock.OffsetSeconds)
	if clock.Reference != "" {
		measured += " from " + plain(clock.Reference)
	}
	switch {
	case clock.Corrected && !clock.Trusted:
		return "own clock not to be believed (" + measured + "): dates are judged by the time of the references, and nothing is resolved"
	case !clock.Trusted && clock.Unverified != "":
		return "own clock not to be believed: " + plain(clock.Unverified)
	case !clock.Trusted:
		return "own clock not to be believed (" + measured + "): nothing is resolved"
	case !clock.Verified:
		return strings.TrimSuffix("own clock unverified: "+plain(clock.Unverified), ": ")
	default:
		return "own clock verified (" + measured + ")"
	}
}

// incomplete lists the checks whose pass missed something, each with a clause that says why.
func incomplete(pass watch.Pass) []checkGap {
	var gaps []checkGap
	for _, check := range pass.Checks {
		switch {
		case check.Error != "":
			gaps = append(gaps, checkGap{plain(check.Name), "could not read its source: " + plain(check.Error), true})
		case !check.Complete:
			gaps = append(gaps, checkGap{plain(check.Name), "did not see every subject (" + counted(check.Problems, "problem", "problems") + "): what is missing here may still exist", false})
		}
	}
	return gaps
}

// remarks lists what the checks left out on purpose or had to go without.
func remarks(pass watch.Pass) []checkRemark {
	var all []checkRemark
	for _, check := range pass.Checks {
		for _, text := range check.Remarks {
			all = append(all, checkRemark{plain(check.Name), plain(text)})
		}
	}
	return all
}

type checkRemark struct{ check, text string }

type checkGap struct {
	check, why string
	// whole: the check saw nothing of its source.
	whole bool
}

// isOf tells whether the finding, which is readable, stands for this very gap: a check
// that cannot read its source is a subject too.
func (g checkGap) isOf(finding watch.Finding) bool {
	return g.whole && finding.Unreadable() && finding.ID == g.check+"/source"
}
