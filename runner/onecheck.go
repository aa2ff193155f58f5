package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/clean"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// run calls the check under its deadline, and leaves it behind if it ignores that.
func (c Collection) run(ctx context.Context, check Check, sink watch.Sink) error {
	ctx, cancel := context.WithTimeout(ctx, c.Deadline)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		var err error
		if panicked := checks.Guard(func() { err = check.Collect(ctx, sink) }); panicked != nil {
			err = &panicError{panicked}
		}
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		var left bool
		if err, left = leave(check.Check, ended); left {
			return errors.New("the check did not stop at its deadline and was left behind")
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("the check reached its deadline before it had seen everything")
	}
	return err
}

// leave waits for a check whose time is over, longer for one that must not be cut off now;
// left is true if it did not end.
func leave(check watch.Check, ended <-chan error) (err error, left bool) {
	pending, _ := check.(watch.Unfinished)
	held := false
	grace, patience := time.After(stopGrace), time.After(stopGrace+finishGrace)
	for {
		select {
		case err = <-ended:
			return err, false
		case <-patience:
			return nil, true
		case <-grace:
			switch {
			case pending != nil && pending.Unfinished():
				held, grace = true, time.After(time.Second)
			case held:
				pending, held, grace = nil, false, time.After(stopGrace)
			default:
				return nil, true
			}
		}
	}
}

type panicError struct{ error }

func sourceProblem(check Check, err error) watch.Problem {
	problem := watch.Problem{
		Subject: watch.Subject{ID: "source", Name: "check " + check.Name}, Reason: watch.Unreadable, Err: errors.New(firstLine(err)),
	}
	if panicked := (*panicError)(nil); errors.As(err, &panicked) {
		problem.Reason = watch.InternalError
	}
	if source, ok := errors.AsType[*watch.SourceError](err); ok {
		whole := problem.Subject
		if problem = source.Problem; problem.Subject.ID == "" {
			problem.Subject = whole
		}
	}
	return problem
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (o *outcome) keep(finding watch.Finding, fact watch.Fact, kept *results) bool {
	line := kept.encode(finding)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if problem, ok := fact.(watch.Problem); ok {
		o.hides(finding, problem)
	}
	replaced, added := kept.add(finding, line)
	if !added {
		return false
	}
	if replaced != "" {
		o.summary.Uncount(replaced)
	}
	o.summary.Count(finding.Severity)
	o.result.Subjects = o.summary.Subjects
	return replaced == ""
}

// note keeps a remark once, and no more of them than a report can show; the rest is
// counted.
func (o *outcome) note(text string) {
	text = clean.Text(text, maxRemarkRunes)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed || slices.Contains(o.result.Remarks, text):
	case len(o.result.Remarks) == maxRemarks:
		o.unshown++
	default:
		o.result.Remarks = append(o.result.Remarks, text)
	}
}

// hides notes what else may be missing because of a problem.
func (o *outcome) hides(finding watch.Finding, problem watch.Problem) {
	o.result.Problems++
	switch {
	case !problem.Confined || len(o.result.Hidden) == maxHidden:
		o.result.Complete = false
	case problem.HidesPrefix != "":
		if hidden := policy.FindingID(finding.Check, problem.HidesPrefix); !slices.Contains(o.result.Hidden, hidden) {
			o.result.Hidden = append(o.result.Hidden, hidden)
		}
	}
}
