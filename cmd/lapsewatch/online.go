package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lapsewatch/checks"
	"lapsewatch/config"
	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/ledger"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

const onlinePatience = 2 * time.Minute

// tryOnline lets each check that signs in somewhere say what it is allowed, and reads what
// stands on each status system.
func (a app) tryOnline(ctx context.Context, settings *config.Config) error {
	s := a.beginTold(&passFlags{quiet: true}, settings)
	defer s.end()
	kept, err := existingLedger(ctx, settings.Ledger)
	if err != nil {
		return failed(err)
	}
	if kept != nil {
		defer func() { _ = kept.Close() }() // what is remembered was committed at once
		s.memory, s.keeps = func(check string) watch.Memory { return kept.Memory(check, time.Now) }, true
	}
	all, err := s.configured()
	if err != nil {
		return err
	}
	lacking := 0
	for _, check := range all {
		trier, tries := check.Check.(watch.Trier)
		if !tries {
			if err := a.print("%s (%s): signs in nowhere\n", check.Name, check.Kind); err != nil {
				return err
			}
			continue
		}
		abilities := tried(ctx, trier)
		for _, ability := range abilities {
			if ability.Required && ability.Err != nil {
				lacking++
			}
		}
		if err := a.print("%s (%s):\n%s", check.Name, check.Kind, abilityLines(abilities)); err != nil {
			return err
		}
	}
	lackingThere, err := a.trySystems(ctx, s)
	if err != nil {
		return err
	}
	if lacking += lackingThere; lacking > 0 {
		return failed(fmt.Errorf("%s above marked MISSING, which a check or a status system cannot do without", count(lacking, "thing")))
	}
	return nil
}

// trySystems reads what stands on each status system. Whether it may be written shows only
// when it is: nothing is made for a check of the configuration.
func (a app) trySystems(ctx context.Context, s *session) (lacking int, err error) {
	systems, err := s.statusSystems()
	if err != nil {
		return 0, err
	}
	for _, system := range systems {
		ability := triedSystem(ctx, system.built, time.Now())
		if ability.Err != nil {
			lacking++
		}
		if err := a.print("status system %s (%s):\n%s", system.Name, system.Kind.Name(), abilityLines([]watch.Ability{ability})); err != nil {
			return lacking, err
		}
	}
	return lacking, nil
}

func triedSystem(ctx context.Context, system incidents.System, now time.Time) watch.Ability {
	ctx, cancel := context.WithTimeout(ctx, onlinePatience)
	defer cancel()
	ability := watch.Ability{Name: "read", Gives: "reads the incidents", Required: true}
	var there []incidents.Remote
	panicked := checks.Guard(func() {
		if place := system.Traits().Place; place != "" {
			ability.Gives = "reads the incidents of " + place
		}
		there, ability.Err = system.List(ctx, now)
	})
	if ability.Err = cmp.Or(panicked, ability.Err); ability.Err != nil {
		return ability
	}
	open := 0
	for _, remote := range there {
		if remote.Open {
			open++
		}
	}
	are := "are"
	if open == 1 {
		are = "is"
	}
	ability.Gives += fmt.Sprintf(": %s of this installation %s open there; whether it may write shows only when it does", count(open, "incident"), are)
	return ability
}

// existingLedger opens the ledger if there is one: a sign-in that works ends the wait that
// an earlier refusal left there. Nothing is made for a check of the configuration.
func existingLedger(ctx context.Context, settings config.Ledger) (*ledger.Ledger, error) {
	if inFile(settings) {
		if _, err := os.Stat(settings.DSN.File()); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	return openLedger(ctx, settings)
}

func tried(ctx context.Context, trier watch.Trier) (abilities []watch.Ability) {
	ctx, cancel := context.WithTimeout(ctx, onlinePatience)
	defer cancel()
	if panicked := checks.Guard(func() { abilities = trier.Try(ctx) }); panicked != nil {
		return []watch.Ability{{Name: "try", Gives: "says what the check is allowed", Required: true, Err: panicked}}
	}
	return abilities
}

// abilityLines is a small table: what works, what does not and what that costs.
func abilityLines(abilities []watch.Ability) string {
	widest := 0
	for _, ability := range abilities {
		widest = max(widest, len(ability.Name))
	}
	var lines strings.Builder
	for _, ability := range abilities {
		verdict := "ok"
		switch {
		case ability.Err != nil && ability.Required:
			verdict = "MISSING"
		case ability.Err != nil:
			verdict = "without"
		}
		fmt.Fprintf(&lines, "  %-8s %-*s  %s\n", verdict, widest, clean.Text(ability.Name, shownTargetRunes), clean.Text(ability.Gives, maxErrorRunes))
		if ability.Err == nil {
			continue
		}
		indent := strings.Repeat(" ", 2+8+1+widest+2)
		fmt.Fprintf(&lines, "%s%s\n", indent, clean.Text(ability.Err.Error(), maxErrorRunes))
		if remedy := cmp.Or(ability.Remedy, policy.Remedy(ability.Reason)); remedy != "" {
			fmt.Fprintf(&lines, "%s%s\n", indent, clean.Text(remedy, maxErrorRunes))
		}
	}
	return lines.String()
}
