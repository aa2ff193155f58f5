package webclient

import (
	"cmp"
	"errors"
	"time"

	"lapsewatch/watch"
)

// Trouble is why something was not read, where more is known of it than a Failure says.
type Trouble struct {
	Err error
	// Reason is that of the Failure in Err, or Unreadable, where it is empty.
	Reason watch.Reason
	// Remedy is the next step; empty means that of the reason.
	Remedy string
}

func (t *Trouble) Error() string { return t.Err.Error() }

// Unwrap gives the cause.
func (t *Trouble) Unwrap() error { return t.Err }

// Problem makes of an error the problem of a subject that hides nothing but itself and what
// begins with hides.
func Problem(subject watch.Subject, hides string, err error) watch.Problem {
	problem := watch.Problem{Subject: subject, Reason: watch.Unreadable, Err: err, Confined: true, HidesPrefix: hides}
	if failure, ok := errors.AsType[*Failure](err); ok {
		problem.Reason, problem.Details = failure.Reason, failure.details()
	}
	if known, ok := errors.AsType[*Trouble](err); ok {
		problem.Err, problem.Reason, problem.Remedy = known.Err, cmp.Or(known.Reason, problem.Reason), known.Remedy
	}
	return problem
}

func (f *Failure) details() map[string]any {
	details := map[string]any{}
	if f.Status != 0 {
		details["status"] = f.Status
	}
	if f.RetryAfter > 0 {
		details["retry_after_seconds"] = int64(f.RetryAfter / time.Second)
	}
	return details
}
