package report

import (
	"hash/maphash"
	"strings"

	"lapsewatch/watch"
)

// namesakes tells apart, by their check, subjects that several checks gave one name:
// a tenant for tests has the applications of the one it stands for. It remembers
// fingerprints alone, for there may be very many names.
type namesakes struct {
	seed   maphash.Seed
	checks map[uint64]uint64
	shared map[uint64]bool
}

func newNamesakes() *namesakes {
	return &namesakes{seed: maphash.MakeSeed(), checks: map[uint64]uint64{}, shared: map[uint64]bool{}}
}

func (n *namesakes) note(finding watch.Finding) {
	name, check := maphash.String(n.seed, finding.Name), maphash.String(n.seed, finding.Check)
	if other, known := n.checks[name]; known && other != check {
		n.shared[name] = true
	}
	n.checks[name] = check
}

// toldApart gives a readable finding the name by which the reader knows it.
func (n *namesakes) toldApart(finding watch.Finding) watch.Finding {
	if n.shared[maphash.String(n.seed, finding.Name)] {
		finding.Name = nameAndCheck(finding)
	}
	return finding
}

// nameAndCheck names a readable finding with its check, once.
func nameAndCheck(finding watch.Finding) string {
	of := " (check " + finding.Check + ")"
	return strings.TrimSuffix(finding.Name, of) + of
}
