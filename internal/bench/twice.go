package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/certfiles"
	"lapsewatch/watch"
)

// filesTwiceRole looks at a folder again and again in one process, as a daemon does:
// FOLDER. What unchanged files held is remembered from the second pass on, so the third
// is the first that profits.
func filesTwiceRole(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("files-twice: want FOLDER")
	}
	noSecrets := func(watch.SecretRef) (watch.Secret, error) { return watch.Secret{}, errors.New("there are no secrets") }
	check, err := certfiles.Kind.BuildForTargets(args, checks.DefaultEnv(noSecrets))
	if err != nil {
		return fmt.Errorf("look at %s: %w", args[0], err)
	}
	var took passes
	var facts [3]int64
	var remembering time.Duration
	for pass, wall := range []*time.Duration{&took.First, &remembering, &took.Unchanged} {
		began := time.Now()
		if facts[pass], err = countFacts(ctx, check); err != nil {
			return fmt.Errorf("look at %s: %w", args[0], err)
		}
		*wall = time.Since(began)
	}
	if facts[0] != facts[1] || facts[1] != facts[2] {
		return fmt.Errorf("nothing changed, but the three looks gave %d facts", facts)
	}
	return json.NewEncoder(os.Stdout).Encode(took)
}

func countFacts(ctx context.Context, check watch.Check) (int64, error) {
	var facts atomic.Int64
	err := check.Collect(ctx, func(watch.Fact) { facts.Add(1) })
	return facts.Load(), err
}
