package endpoint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lapsewatch/watch"
)

type limits struct {
	warn, timeout time.Duration
	// factor and atLeast say from when on a member differs from its peers.
	factor  float64
	atLeast time.Duration
}

// comparison is what was read of all members of a group, beside each other.
type comparison struct {
	group    *group
	readings []reading
	limits   limits
}

const (
	sharedRemedy     = "Look first at what its members share: the path from this machine to them, the network in front of them, and what all of them wait for."
	credentialRemedy = "Put a credential that the service accepts where the member's headers refer to."
)

// fact is what is told of one member.
func (c comparison) fact(i int) watch.Fact {
	m, r := c.group.members[i], c.readings[i]
	verdict := r.verdict()
	if verdict == unseen {
		return r.problem(m)
	}
	told := watch.Condition{Subject: m.subject, Details: m.details()}
	r.describe(told.Details)
	peers := c.wellPeers(i)
	if len(peers) > 0 {
		told.Details["peers_ms"] = ms(c.medianOf(peers))
	}
	if verdict == answered {
		c.answering(i, peers, &told)
		return told
	}
	told.Reason, told.Text = watch.ResponseFailed, c.fault(i)
	if verdict == silent {
		told.Reason = watch.ResponseTimedOut
	}
	told.Remedy = r.last(verdict).remedy
	if r.hold != nil {
		told.Remedy = credentialRemedy
		r.describeHold(told.Details)
	}
	alike := c.alike(i)
	told.Text += c.beside(peers, alike)
	if alike && told.Remedy == "" {
		told.Remedy = sharedRemedy
	}
	return told
}

// answering tells of a member that answers.
func (c comparison) answering(i int, peers []int, told *watch.Condition) {
	took := c.readings[i].median()
	told.Text = c.well(i)
	slow := took > c.limits.warn
	switch {
	case c.differs(took, peers):
		told.Reason = watch.DivergentMember
	case slow:
		told.Reason = watch.ResponseSlow
	default:
		return
	}
	if slow {
		told.Text += fmt.Sprintf(", over its limit of %s", c.limits.warn)
	}
	alike := told.Reason == watch.ResponseSlow && c.alike(i)
	told.Text += c.beside(peers, alike)
	if alike {
		told.Remedy = sharedRemedy
	}
}

// differs reports whether a member takes longer than its peers do, by the factor and by what
// it is at least.
func (c comparison) differs(took time.Duration, peers []int) bool {
	if len(peers) == 0 {
		return false
	}
	usual := c.medianOf(peers)
	return float64(took) >= c.limits.factor*float64(usual) && took-usual >= c.limits.atLeast
}

// wellPeers are the other members that answer.
func (c comparison) wellPeers(i int) []int {
	var peers []int
	for j, r := range c.readings {
		if j != i && r.verdict() == answered {
			peers = append(peers, j)
		}
	}
	return peers
}

func (c comparison) medianOf(members []int) time.Duration {
	var all []time.Duration
	for _, j := range members {
		all = append(all, c.readings[j].median())
	}
	return median(all)
}

// state is what members have in common: what they come to, and whether they are slow.
func (c comparison) state(i int) (outcome, bool) {
	verdict := c.readings[i].verdict()
	return verdict, verdict == answered && c.readings[i].median() > c.limits.warn
}

// alike reports whether all members of the group are as this one is.
func (c comparison) alike(i int) bool {
	verdict, slow := c.state(i)
	for j := range c.readings {
		if other, otherSlow := c.state(j); other != verdict || otherSlow != slow {
			return false
		}
	}
	return len(c.readings) > 1
}

// beside says how the peers are, as a clause behind what was said of a member.
func (c comparison) beside(well []int, alike bool) string {
	others := len(c.readings) - 1
	switch {
	case alike:
		return fmt.Sprintf(", like all %d members of %s", len(c.readings), c.group.name)
	case len(well) == 1 && others == 1:
		return fmt.Sprintf(", while its peer %s answers in %s", c.group.members[well[0]].Name, span(c.readings[well[0]].median()))
	case len(well) > 0 && len(well) == others:
		return ", while its peers answer: " + c.listed(well)
	case len(well) > 0:
		return fmt.Sprintf(", while %d of its %d peers %s: %s", len(well), others, verb(len(well), "answers", "answer"), c.listed(well))
	case slices.ContainsFunc(c.readings, func(r reading) bool { return r.verdict() == unseen }) || others == 0:
		return ""
	}
	return ", and no other member of " + c.group.name + " is in order"
}

const maxListed = 3

// listed names some members with what they take.
func (c comparison) listed(members []int) string {
	var named []string
	for _, j := range members[:min(len(members), maxListed)] {
		named = append(named, fmt.Sprintf("%s in %s", c.group.members[j].Name, span(c.readings[j].median())))
	}
	text := strings.Join(named, ", ")
	if more := len(members) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// well says how long a member takes that answers, and how many requests it did not answer.
func (c comparison) well(i int) string {
	r := c.readings[i]
	says, noun := "answers in ", "requests"
	if c.group.members[i].target.Scheme == schemeTCP {
		says, noun = "accepts connections in ", "attempts"
	}
	text := says + span(r.median())
	total, good := len(r.samples)-r.count(unseen), r.count(answered)
	switch {
	case total == 1:
		return text
	case good == total:
		return fmt.Sprintf("%s (median of %d %s)", text, total, noun)
	}
	return fmt.Sprintf("%s (median of %d of %d %s; %s)", text, good, total, noun, c.faults(r, ""))
}

// fault says what is wrong with a member that does not answer.
func (c comparison) fault(i int) string {
	r := c.readings[i]
	if r.hold != nil {
		return fmt.Sprintf("%s to the credential in the headers (%s)", shown(r.hold.Text), r.hold.Clause())
	}
	noun := "request"
	if c.group.members[i].target.Scheme == schemeTCP {
		noun = "attempt"
	}
	total := len(r.samples) - r.count(unseen)
	if total == 1 {
		return "the " + noun + strings.TrimPrefix(c.faults(r, ""), "1")
	}
	return c.faults(r, fmt.Sprintf(" of %d %ss", total, noun))
}

// faults says how many requests got no answer and how many failed, those first that are more.
func (c comparison) faults(r reading, of string) string {
	quiet, bad := r.count(silent), r.count(failed)
	var texts []string
	if quiet > 0 {
		texts = append(texts, fmt.Sprintf(" had no %s within %s", r.last(silent).text, c.limits.timeout))
	}
	if bad > 0 {
		texts = append(texts, " failed: "+r.last(failed).text)
	}
	counts := []int{quiet, bad}
	if quiet == 0 {
		counts = counts[1:]
	} else if bad > quiet {
		slices.Reverse(texts)
		slices.Reverse(counts)
	}
	text := fmt.Sprintf("%d%s%s", counts[0], of, texts[0])
	if len(texts) > 1 {
		text += fmt.Sprintf(", and %d%s", counts[1], texts[1])
	}
	return text
}

// span is a time as people say it: with two digits that count, or more.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
