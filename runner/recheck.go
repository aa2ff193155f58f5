package runner

import (
	"context"
	"strings"
	"sync"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// recheck looks once more at the subjects of which bad news is about to be told, where
// their check can: what was a moment's failure is nobody's concern. What the second look
// finds stands.
func (c Collection) recheck(ctx context.Context, collected *Collected, news []watch.Finding) {
	c.Now, c.undecidable = collected.Pass.GeneratedAt, collected.undecidable
	within, cancel := context.WithDeadline(ctx, collected.began.Add(c.Within))
	defer cancel()
	suspects := map[string][]watch.Finding{}
	for _, finding := range news {
		suspects[finding.Check] = append(suspects[finding.Check], finding)
	}
	for i, check := range c.Checks {
		if again, can := check.Check.(watch.Rechecker); can && len(suspects[check.Name]) > 0 && within.Err() == nil {
			c.recheckOne(within, check, again, suspects[check.Name], &collected.Pass.Checks[i], collected)
		}
	}
}

// secondLook is a check that looks again at some of its subjects.
type secondLook struct {
	watch.Rechecker
	ids []string
}

func (s secondLook) Collect(ctx context.Context, sink watch.Sink) error {
	return s.Recheck(ctx, s.ids, sink)
}

func (c Collection) recheckOne(ctx context.Context, check Check, again watch.Rechecker, suspects []watch.Finding, result *watch.CheckResult, collected *Collected) {
	origin := policy.Origin{Check: check.Name, Kind: check.Kind, Labels: check.Labels, Owners: check.Owners}
	first := map[string]watch.Finding{}
	var ids []string
	for _, finding := range suspects {
		first[finding.ID] = finding
		ids = append(ids, strings.TrimPrefix(finding.ID, policy.FindingID(check.Name, "")))
	}
	var mu sync.Mutex
	second := map[string]watch.Finding{}
	sink := func(fact watch.Fact) {
		finding := c.finding(origin, fact)
		mu.Lock()
		defer mu.Unlock()
		if _, asked := first[finding.ID]; asked && second != nil && ctx.Err() == nil {
			second[finding.ID] = finding
		}
	}
	check.Check = secondLook{again, ids}
	if err := c.run(ctx, check, sink); err != nil {
		c.Log.Warn("the second look was not complete; what the first saw stands", "check", check.Name, "error", err)
	}
	mu.Lock()
	found := second
	second = nil
	mu.Unlock()
	for id, finding := range found {
		before := first[id]
		if finding.Unreadable() && !before.Unreadable() {
			// What the first look read is more than nothing.
			continue
		}
		if !collected.results.replace(before, finding) {
			continue
		}
		collected.Pass.Summary.Uncount(before.Severity)
		collected.Pass.Summary.Count(finding.Severity)
		if before.Unreadable() && !finding.Unreadable() {
			result.Problems--
		}
	}
}
