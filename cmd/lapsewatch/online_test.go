package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"lapsewatch/watch"
)

// patient signs in at a service that never answers.
type patient struct{}

func (patient) Try(ctx context.Context) []watch.Ability {
	<-ctx.Done()
	return nil
}

func TestTryingACheckEndsAfterTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tried(t.Context(), patient{})
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
