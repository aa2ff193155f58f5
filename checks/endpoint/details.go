package endpoint

import (
	"maps"
	"math"
	"slices"
	"time"
)

// details of a member whatever was read of it. The path and query of its address, which may
// hold a secret, are left out.
func (m *member) details() map[string]any {
	return map[string]any{"address": m.target.Scheme + "://" + m.target.Host}
}

// describe adds what was read.
func (r reading) describe(details map[string]any) {
	details["samples"], details["answered"] = len(r.samples), r.count(answered)
	for key, what := range map[string]outcome{"timed_out": silent, "failed": failed, "not_looked_at": unseen} {
		if n := r.count(what); n > 0 {
			details[key] = n
		}
	}
	// Where nothing was answered as expected, the answers that there were.
	whole := r.each(func(s sample) (time.Duration, bool) { return s.took, s.outcome == answered })
	if len(whole) == 0 {
		whole = r.each(func(s sample) (time.Duration, bool) { return s.took, s.took > 0 })
	}
	if len(whole) > 0 {
		details["latency_ms"], details["latency_min_ms"], details["latency_max_ms"] = ms(median(whole)), ms(slices.Min(whole)), ms(slices.Max(whole))
	}
	for key, part := range map[string]func(progress) (time.Duration, bool){
		"dns_ms":        func(p progress) (time.Duration, bool) { return p.parts.dns, p.parts.dns > 0 },
		"connect_ms":    func(p progress) (time.Duration, bool) { return p.parts.connect, p.connected },
		"tls_ms":        func(p progress) (time.Duration, bool) { return p.parts.tls, p.shaking },
		"first_byte_ms": func(p progress) (time.Duration, bool) { return p.parts.firstByte, p.begun },
	} {
		if all := r.each(func(s sample) (time.Duration, bool) { return part(s.progress) }); len(all) > 0 {
			details[key] = ms(median(all))
		}
	}
	r.describeLast(details)
}

// describeLast adds what the samples say of who answers.
func (r reading) describeLast(details map[string]any) {
	versions, certificates := map[string]bool{}, map[string]bool{}
	for _, one := range r.samples {
		if one.status > 0 {
			details["status"] = one.status
		}
		if one.remote != "" {
			details["remote_address"] = one.remote
		}
		if one.leaf != "" {
			certificates[one.leaf] = true
		}
		if one.outcome != answered && r.count(answered) > 0 {
			continue // an error page may be that of something in front of the service
		}
		if one.missing != "" {
			details["version_missing"] = one.missing
		}
		if one.version != "" {
			versions[one.version] = true
		}
	}
	if len(certificates) > 0 {
		details["certificate"] = slices.Sorted(maps.Keys(certificates))
	}
	if len(versions) > 0 {
		details["version"] = slices.Sorted(maps.Keys(versions))
		delete(details, "version_missing")
	}
}

// describeHold adds until when a member is left alone.
func (r reading) describeHold(details map[string]any) {
	details["status"] = r.hold.Status
	details["next_attempt"] = r.hold.RetryAt.UTC().Format(time.RFC3339)
}

// ms are milliseconds with one digit behind the point.
func ms(d time.Duration) float64 {
	return math.Round(float64(d)/float64(100*time.Microsecond)) / 10
}
