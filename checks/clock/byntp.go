package clock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lapsewatch/internal/neterr"
	"lapsewatch/internal/ntp"
	"lapsewatch/internal/ntp/manners"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/watch"
)

const byNTP = "NTP"

// readNTP asks the host itself, with as many packets as its limit needs. What it says of
// its own synchronisation is noted and hinders nothing: a host whose date is a year wrong
// says that it is not synchronised, and has a clock all the same.
func readNTP(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	addresses, err := l.addresses(ctx, h)
	if err != nil {
		return remoteclock.Reading{}, err
	}
	if why, held := l.held(ctx, h); held {
		return remoteclock.Reading{}, kissed(fmt.Errorf("%s %s", h.url.Host, why))
	}
	var failed error
	for _, address := range addresses {
		reply, err := l.ask(ctx, h, address, l.timeout/time.Duration(len(addresses)))
		if err != nil {
			failed = unanswered(address, l.timeout, err)
			continue
		}
		if !reply.Timed() {
			return remoteclock.Reading{}, kissed(fmt.Errorf("ask %s by NTP: it %s", address, manners.Clause(reply.Kiss)))
		}
		return readingOf(address, reply), nil
	}
	return remoteclock.Reading{}, failed
}

// kissed is that a host asked for fewer questions, or for none.
func kissed(err error) *remoteclock.Failure {
	failed := &remoteclock.Failure{Reason: watch.KissOfDeath, Err: err}
	if strings.Contains(err.Error(), "RATE") {
		failed.Remedy = "Nothing: it is asked again after that time. If it stays so, ask it less often."
	}
	return failed
}

// mannersKey changes with the name too, so that renaming a target has it asked again.
func (h *host) mannersKey() string { return h.name + " " + h.id }

// held reports whether the host asked to be left alone. The memory is asked only of those
// of which it is known that they have, or of all where that is not known.
func (l *look) held(ctx context.Context, h *host) (why string, held bool) {
	if !l.before.mayBeHeld(h) {
		return "", false
	}
	return l.manners.Held(ctx, h.mannersKey())
}

// note keeps what the host asked for, and forgets it once it gives the time again.
func (l *look) note(ctx context.Context, h *host, reply ntp.Reply) {
	if reply.Timed() && !l.before.mayBeHeld(h) {
		return
	}
	l.before.keepHeld(h, !reply.Timed())
	if err := l.manners.Note(ctx, h.mannersKey(), reply); err != nil {
		l.env.Log.Warn("what a server asked for could not be kept; it may be asked again too early", "host", h.name, "error", err)
	}
}

// addresses are at most one of each family: more would be other hosts.
func (l *look) addresses(ctx context.Context, h *host) ([]netip.AddrPort, error) {
	port, err := strconv.ParseUint(h.url.Port(), 10, 16)
	if err != nil {
		return nil, err // parse has seen to it
	}
	var found []netip.Addr
	if address, err := netip.ParseAddr(h.url.Hostname()); err == nil {
		found = append(found, address)
	} else if found, err = l.env.Resolver.LookupNetIP(ctx, "ip", h.url.Hostname()); err != nil {
		reason := watch.Unreachable
		if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
			reason = watch.NameNotFound
		}
		return nil, &remoteclock.Failure{Reason: reason, Err: fmt.Errorf("look up %s: %w", h.url.Hostname(), err)}
	}
	var chosen []netip.AddrPort
	has := map[bool]bool{}
	for _, address := range found {
		address = address.Unmap()
		if !has[address.Is4()] {
			has[address.Is4()] = true
			chosen = append(chosen, netip.AddrPortFrom(address, uint16(port)))
		}
	}
	return chosen, nil
}

// ask sends one packet, and a second one where the first was not answered in half of the
// given time. Where one answer is not
// exact enough for the host's limit it takes further ones, and the one with the least delay.
// A host that asks to be left alone meanwhile is, and what it said before counts.
func (l *look) ask(ctx context.Context, h *host, address netip.AddrPort, patience time.Duration) (ntp.Reply, error) {
	client, _, err := l.client()
	if err != nil {
		return ntp.Reply{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reply, err := client.AskTwice(bounded, address, patience/2)
	if err != nil {
		return reply, err
	}
	l.note(ctx, h, reply)
	if !reply.Timed() || l.samples == 1 || reply.Uncertainty() <= h.exactEnough() {
		return reply, nil
	}
	select {
	case <-ctx.Done():
		return reply, nil
	case <-time.After(l.interval):
	}
	better, err := client.Best(ctx, address, l.samples-1, l.interval)
	switch {
	case err != nil:
	case !better.Timed():
		l.note(ctx, h, better)
	case better.Delay < reply.Delay:
		return better, nil
	}
	return reply, nil
}

func unanswered(address netip.AddrPort, patience time.Duration, err error) error {
	failed := &remoteclock.Failure{Reason: watch.Unreachable, Err: fmt.Errorf("ask %s by NTP: %w", address, err)}
	switch {
	case errors.Is(err, neterr.Refused):
		failed.Reason, failed.Err = watch.Refused, fmt.Errorf("ask %s by NTP: connection refused", address)
		failed.Remedy = "Let an NTP server listen there (chrony: allow), or read this clock in another way, such as its web server's Date."
	case errors.Is(err, ntp.ErrNoReply):
		failed.Reason, failed.Err = watch.TimedOut, fmt.Errorf("ask %s by NTP: no answer to two packets within %v", address, patience)
		failed.Remedy = "Let an NTP server answer this machine (chrony: allow; firewall: 123/udp), or read this clock in another way, such as its web server's Date."
	}
	return failed
}

func readingOf(address netip.AddrPort, reply ntp.Reply) remoteclock.Reading {
	reading := remoteclock.Reading{
		Offset: reply.Offset, Uncertainty: reply.Uncertainty(), At: reply.At, By: byNTP,
		Details: map[string]any{
			"address": address.Addr().String(), "stratum": int(reply.Stratum), "leap_indicator": int(reply.Leap),
			"delay_seconds": reply.Delay.Seconds(), "root_dispersion_seconds": reply.RootDispersion.Seconds(),
		},
	}
	if source := reply.Source(); source != "" {
		reading.Details["follows"] = source
	}
	note := func(reason watch.Reason, text string) {
		reading.Observations = append(reading.Observations, watch.Observation{Reason: reason, Text: text})
	}
	if !reply.Synchronised() {
		var signs []string
		if reply.Leap == ntp.NotSynchronised {
			signs = append(signs, "leap indicator 3")
		}
		if reply.Stratum == 0 || reply.Stratum > 15 {
			signs = append(signs, fmt.Sprintf("stratum %d", reply.Stratum))
		}
		note(watch.ClockUnsynchronised, "says that it follows no source ("+strings.Join(signs, ", ")+")")
	}
	if reply.Leap == ntp.LastMinute61 || reply.Leap == ntp.LastMinute59 {
		note(watch.LeapSecond, "announces a leap second for the end of the month")
	}
	if reply.Smeared() {
		note(watch.LeapSmear, "spreads leap seconds over hours, so that it differs by up to a second from hosts that step")
	}
	return reading
}
