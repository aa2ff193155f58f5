package tls

import (
	"context"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// Recheck reads the services of the subjects again, each with all of its addresses, since
// they are compared with each other.
func (c *check) Recheck(ctx context.Context, subjectIDs []string, sink watch.Sink) error {
	again := *c
	again.services = slices.DeleteFunc(slices.Clone(c.services), func(s *service) bool {
		return !slices.ContainsFunc(subjectIDs, func(id string) bool { return strings.HasPrefix(id, s.host.ascii+"/") })
	})
	return again.Collect(ctx, func(fact watch.Fact) {
		if slices.Contains(subjectIDs, fact.About().ID) {
			sink(fact)
		}
	})
}
