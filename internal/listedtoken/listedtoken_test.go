package listedtoken_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/listedtoken"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

func service(w *looktest.World, memory watch.Memory) listedtoken.Service {
	return listedtoken.Service{Kind: "kind", URL: "https://api.example.com", Name: "api.example.com", Now: w.Now, Log: w.Log(), Secrets: w.Secrets, Memory: memory}
}

func refuses(context.Context, watch.Secret) error {
	return &listedtoken.Refused{Text: "it answered 401 Unauthorized", Status: 401}
}

func TestAHoldIsThatOfOneTokenAtOneService(t *testing.T) {
	t.Parallel()
	w := looktest.New(now, map[string]string{"A": "CANARY-a"})
	first, ref := service(w, w), watch.SecretRef{Env: "A"}
	asked := func(s listedtoken.Service, id string) (sent bool) {
		s.Look(t.Context(), watch.Subject{ID: id, Name: id}, ref, func(ctx context.Context, token watch.Secret) error {
			sent = token.Reveal() == "CANARY-a"
			return refuses(ctx, token)
		})
		return sent
	}
	elsewhere, another := first, first
	elsewhere.URL, another.Kind = "https://other.example.com", "other"
	for _, step := range []struct {
		service listedtoken.Service
		id      string
		want    bool
	}{{first, "a", true}, {first, "a", false}, {first, "b", true}, {elsewhere, "a", true}, {another, "a", true}, {first, "a", false}} {
		if got := asked(step.service, step.id); got != step.want {
			t.Errorf("%s at %s is asked: %t", step.id, step.service.URL, got)
		}
	}
}

func TestARefusalIsHeldEvenIfThePassEndsWithIt(t *testing.T) {
	t.Parallel()
	w := looktest.New(now, map[string]string{"A": "CANARY-a"})
	ctx, cancel := context.WithCancel(t.Context())
	service(w, w).Look(ctx, watch.Subject{ID: "a", Name: "a"}, watch.SecretRef{Env: "A"}, func(ctx context.Context, token watch.Secret) error {
		cancel()
		return refuses(ctx, token)
	})
	checktest.Equal(t, "what is kept", w.Kept(), 1)
}

func TestAPageOfTheWebIsNoWordOfAService(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{"<html>": true, " \r\n\t<!DOCTYPE html>": true, "{}": false, "": false, `"<html>"`: false} {
		if got := listedtoken.IsPage([]byte(body)); got != want {
			t.Errorf("%q is a page: %t", body, got)
		}
	}
}

// broken is a memory that is out of order.
type broken struct{}

func (broken) Recall(context.Context, string) ([]byte, error) {
	return nil, errors.New("the disk is full")
}
func (broken) Remember(context.Context, string, []byte) error { return errors.New("the disk is full") }

func TestABrokenMemoryKeepsNobodyFromLooking(t *testing.T) {
	t.Parallel()
	w := looktest.New(now, map[string]string{"A": "CANARY-a"})
	look := service(w, broken{}).Look(t.Context(), watch.Subject{ID: "a", Name: "a"}, watch.SecretRef{Env: "A"}, refuses)
	if !look.Refused() || look.Err.Error() != "is not accepted by api.example.com: it answered 401 Unauthorized" {
		t.Errorf("%+v", look)
	}
}

func TestWhatIsNoRefusalIsNotHeld(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]watch.Reason{
		&webclient.Failure{Doing: "read x", Reason: watch.TimedOut, Text: "no answer"}: watch.TimedOut,
		errors.New("anything else"): watch.Unreadable,
	} {
		w := looktest.New(now, map[string]string{"A": "CANARY-a"})
		look := service(w, w).Look(t.Context(), watch.Subject{ID: "a", Name: "a"}, watch.SecretRef{Env: "A"}, func(context.Context, watch.Secret) error { return err })
		problem := checktest.WantProblem(t, look.Fact(), want, err.Error())
		if w.Kept() != 0 || look.Works() || look.Refused() || !strings.HasPrefix(look.Observation().Text, "could not be tried: ") {
			t.Errorf("%v: %+v", err, problem)
		}
	}
}

func TestAnIdentityFollowsTheTokenAndGivesNothingAway(t *testing.T) {
	t.Parallel()
	one, other := listedtoken.Identity(watch.NewSecret("one")), listedtoken.Identity(watch.NewSecret("other"))
	if one != "sha256:7692c3ad3540" || one == other {
		t.Errorf("%s and %s", one, other)
	}
}

func TestSomebodyWhoTriesIsToldOfEachFailure(t *testing.T) {
	t.Parallel()
	var told []watch.Fact
	strict := listedtoken.Strictly(func(fact watch.Fact) { told = append(told, fact) })
	strict(watch.Condition{Text: "the token works"})
	strict(watch.Condition{Reason: watch.TokenRefused, Text: "the token is not accepted", Remedy: "mend it"})
	strict(watch.Credential{NotAfter: now})
	strict(watch.Credential{NotAfter: now, Observations: []watch.Observation{{Reason: watch.TokenRefused, Text: "is not accepted"}}})
	checktest.WantCondition(t, told[0], "", "the token works")
	if problem := checktest.WantProblem(t, told[1], watch.TokenRefused, "the token is not accepted"); problem.Remedy != "mend it" {
		t.Errorf("%+v", problem)
	}
	if _, same := told[2].(watch.Credential); !same {
		t.Errorf("%+v", told[2])
	}
	checktest.WantProblem(t, told[3], watch.TokenRefused, "the token is not accepted")
}
