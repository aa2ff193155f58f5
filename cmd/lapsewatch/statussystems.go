package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lapsewatch/config"
	"lapsewatch/incidents"
	"lapsewatch/internal/affected"
	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/runner"
	"lapsewatch/watch"
)

// statusSystem is a configured status system that was built.
type statusSystem struct {
	config.StatusSystem
	built incidents.System
	words *incidents.Words
}

func systemNames(settings *config.Config) []string {
	var names []string
	for _, system := range settings.Incidents {
		names = append(names, system.Name)
	}
	return names
}

// statusSystems builds what the configuration names.
func (s *session) statusSystems() ([]statusSystem, error) {
	var systems []statusSystem
	var problems []error
	for _, entry := range s.settings.Incidents {
		env := incidents.Env{Env: s.channelEnv(entry.Name), Source: s.settings.IncidentSource}
		env.Memory = nil
		built, err := entry.Kind.Build(entry.Decode, env)
		var words *incidents.Words
		if err == nil {
			words, err = incidents.NewWords(entry.Language, entry.Texts, built.Traits().Quote)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("set up status system %s: %w", entry.Name, err))
			continue
		}
		systems = append(systems, statusSystem{StatusSystem: entry, built: built, words: words})
	}
	if len(problems) > 0 {
		return nil, misused("run `lapsewatch config check`", errors.Join(problems...))
	}
	return systems, nil
}

// stubPlan is what policy must know of the status systems.
func (s *session) stubPlan(systems []statusSystem) policy.StubPlan {
	plan := policy.StubPlan{Source: s.settings.IncidentSource}
	for _, system := range systems {
		traits := system.built.Traits()
		plan.Systems = append(plan.Systems, policy.StatusSystem{
			Name: system.Name, Rules: system.Rules, Components: system.Components, MostNew: system.MostNew,
			Hides: traits.Hides, Private: traits.Private, Public: system.Public || traits.Private,
		})
	}
	return plan
}

func (s *session) reconciler(kept *ledger.Ledger, systems []statusSystem, loss *ledger.Loss) runner.Reconciler {
	reconciler := runner.Reconciler{
		Ledger: kept, Source: s.settings.IncidentSource, Instance: string(s.settings.Report.Instance), Now: s.now, Log: s.log, RecordLost: loss != nil,
	}
	for _, system := range systems {
		reconciler.Systems = append(reconciler.Systems, runner.StatusSystem{
			Name: system.Name, System: system.built, Words: system.words, Notify: system.Notify, Affected: s.affected(system.Affected),
		})
	}
	return reconciler
}

// affected asks all sources whose match takes one of the findings.
func (s *session) affected(sources []config.Affected) func(context.Context, []watch.Finding) ([]string, error) {
	if len(sources) == 0 {
		return nil
	}
	env := affected.Env{Dial: s.env().Dial, Secrets: config.ReadSecret, TLSTime: s.trueTime}
	return func(ctx context.Context, causes []watch.Finding) (names []string, err error) {
		for _, source := range sources {
			var matched []watch.Finding
			for _, cause := range causes {
				if source.Match.Finding(cause) {
					matched = append(matched, cause)
				}
			}
			if len(matched) == 0 {
				continue
			}
			found, askErr := source.Ask(ctx, env, matched)
			names, err = append(names, found...), errors.Join(err, askErr)
		}
		return names, err
	}
}

func failedStubs(outcome runner.Outcome) int {
	failed := 0
	for _, told := range outcome.Stubs {
		if told.Err != nil {
			failed++
		}
	}
	return failed
}

func (s *session) sayStubs(say func(string, ...any), outcome runner.Outcome) {
	for _, told := range outcome.Stubs {
		name := told.System
		if told.Title != "" {
			name += fmt.Sprintf(" %q", clean.Text(told.Title, shownTargetRunes))
		}
		if told.URL != "" {
			name += " (" + clean.Text(told.URL, maxErrorRunes) + ")"
		}
		switch {
		case told.Err != nil:
			say("incident stub on %s is not as it should be, the next run tries again: %s", name, cleanLines(told.Err.Error()))
		case told.Did != "" && !s.flags.quiet:
			say("incident stub on %s: %s", name, clean.Text(told.Did, maxErrorRunes))
		}
	}
}

func phaseOf(stub policy.Stub) string {
	phase := string(stub.Phase)
	if stub.Hidden {
		phase += ", hidden"
	}
	return phase
}

// causesOf names the first causes of a stub.
func causesOf(stub policy.Stub) string {
	var names []string
	for _, cause := range stub.Causes {
		if len(names) == shownCauses {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(stub.Causes)-shownCauses+stub.More)
		}
		names = append(names, clean.Text(cause.Finding.Name, shownTargetRunes))
	}
	if len(names) == 0 {
		return "no cause is known here"
	}
	return strings.Join(names, ", ")
}

const shownCauses = 3
