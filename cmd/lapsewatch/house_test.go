package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of the module each package may import; "x/*" is every
// package below x. The longest prefix that fits is the one that counts.
var arrows = []struct {
	from    string
	allowed []string
}{
	{"watch", nil},
	{"policy", []string{"watch"}},
	{"checks", []string{"watch"}},
	{"checks/*", []string{"watch", "checks", "internal/*"}},
	{"alerts", []string{"watch"}},
	{"alerts/*", []string{"watch", "alerts", "internal/*"}},
	{"incidents", []string{"watch", "alerts", "internal/*"}},
	{"incidents/*", []string{"watch", "alerts", "alerts/alerttest", "incidents", "incidents/incidenttest", "internal/*"}},
	{"ledger", []string{"watch", "policy"}},
	{"report", []string{"watch", "internal/*"}},
	{"config", []string{"watch", "checks", "alerts", "incidents", "policy", "internal/*"}},
	{"runner", []string{"watch", "checks", "alerts", "incidents", "policy", "ledger", "internal/*"}},
	{"cmd/*", []string{"*"}},
	{"internal/bench", []string{"watch", "checks", "checks/*", "internal/*"}},
	{"internal/ticket/tickettest", []string{"watch", "alerts", "alerts/alerttest", "internal/*"}},
	{"internal/stubseen", []string{"watch", "alerts", "incidents", "internal/*"}},
	{"internal/stubtest", []string{"watch", "alerts/alerttest", "incidents", "incidents/incidenttest", "ledger", "policy", "runner", "internal/*"}},
	{"internal/listedtoken/looktest", []string{"watch", "checks", "checks/checktest", "internal/*"}},
	{"internal/*", []string{"watch", "alerts", "internal/*"}},
	{"deploy", nil},
}

// walls says what must not be reached on any way, however many packages lie between.
var walls = []struct {
	from, never string
}{
	{"checks/", "alerts/"}, {"checks/", "ledger"}, {"checks/", "report"}, {"checks/", "config"}, {"checks/", "policy"},
	{"alerts/", "checks"}, {"alerts/", "ledger"}, {"alerts/", "report"}, {"alerts/", "config"}, {"alerts/", "policy"},
	{"policy", "checks"}, {"policy", "alerts"}, {"ledger", "checks"}, {"ledger", "alerts"}, {"report", "policy"},
	{"config", "checks/"}, {"config", "alerts/"}, {"runner", "checks/"}, {"runner", "alerts/"},
	{"config", "incidents/"}, {"runner", "incidents/"}, {"incidents/", "checks"}, {"incidents/", "ledger"}, {"incidents/", "report"}, {"incidents/", "config"}, {"incidents/", "policy"}, {"policy", "incidents"}, {"ledger", "incidents"}, {"report", "incidents"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func modulePackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "lapsewatch/...").Output()
	if err != nil {
		t.Fatalf("list the module's packages: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var found goPackage
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, found)
	}
}

func covers(pattern, pkg string) bool {
	if below, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(pkg, below)
	}
	return pattern == pkg
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, found := range modulePackages(t) {
		pkg := strings.TrimPrefix(found.ImportPath, "lapsewatch/")
		at := slices.IndexFunc(arrows, func(row struct {
			from    string
			allowed []string
		}) bool {
			return covers(row.from, pkg)
		})
		if at < 0 {
			t.Errorf("%s has no row in the table of allowed imports", pkg)
			continue
		}
		for _, imported := range found.Imports {
			imported, own := strings.CutPrefix(imported, "lapsewatch/")
			if own && !slices.ContainsFunc(arrows[at].allowed, func(pattern string) bool { return covers(pattern, imported) }) {
				t.Errorf("%s imports %s; it may import only %v", pkg, imported, arrows[at].allowed)
			}
		}
	}
}

func TestNoWayLeadsThroughAWall(t *testing.T) {
	for _, found := range modulePackages(t) {
		pkg := strings.TrimPrefix(found.ImportPath, "lapsewatch/")
		for _, wall := range walls {
			if !strings.HasPrefix(pkg, wall.from) {
				continue
			}
			for _, reached := range found.Deps {
				reached, own := strings.CutPrefix(reached, "lapsewatch/")
				if own && strings.HasPrefix(reached, wall.never) {
					t.Errorf("%s reaches %s", pkg, reached)
				}
			}
		}
	}
}

func TestPolicyAndVocabularyTouchNothingOutside(t *testing.T) {
	for _, found := range modulePackages(t) {
		switch found.ImportPath {
		case "lapsewatch/watch", "lapsewatch/policy":
			for _, imported := range found.Imports {
				outside := strings.Contains(strings.Split(imported, "/")[0], ".")
				if outside || slices.Contains([]string{"os", "net", "os/exec", "net/http", "database/sql"}, imported) {
					t.Errorf("%s imports %s", found.ImportPath, imported)
				}
			}
		}
	}
}

func TestNoSourceReadsTheClockWhereNowIsPassedIn(t *testing.T) {
	for _, call := range []string{"time.Now(", "time.Since(", "time.Until("} {
		for _, folder := range []string{"watch", "policy", "report"} {
			for path, text := range goSources(t, folder) {
				if strings.Contains(text, call) {
					t.Errorf("%s calls %s…); the instant is passed in there", path, call)
				}
			}
		}
	}
}
