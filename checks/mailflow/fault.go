package mailflow

import (
	"context"
	"errors"

	"lapsewatch/internal/imapread"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/neterr"
	"lapsewatch/watch"
)

// sort says what a failed submission means.
type sort int

const (
	// unasked: nothing was learnt of the way out; it could not be reached, or this machine
	// has nothing to log in with.
	unasked sort = iota
	// refused: it takes no mail, or not from this sender.
	refused
	// putOff: it takes none now, and says so (a reply of 4xx).
	putOff
	// unsure: the mail may have been taken; the answer was lost.
	unsure
)

// fault is why a canary was not handed over. It holds no secret.
type fault struct {
	sort   sort
	reason watch.Reason
	// text is a clause: who did what.
	text   string
	remedy string
	// code is the reply of SMTP or the status of HTTP; zero if there was none.
	code int
	err  error
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.err }

func remedyOf(err error) string {
	if known, ok := errors.AsType[*fault](err); ok {
		return known.remedy
	}
	return ""
}

const (
	logInRemedy = "Check the user name and its password or token: whatever logs in with them is refused too. Lapsewatch leaves the server alone for a while after each refusal, so that no account is locked; a new password is tried at once. `lapsewatch config check --online` tries at once too, and ends the wait if the login is taken."
	mailRead    = "Let the application have the application permission Mail.ReadWrite of Microsoft Graph for this one mailbox, by RBAC for Applications in Exchange Online or by an application access policy."
	mailSend    = "Let the application have the application permission Mail.Send of Microsoft Graph for this one mailbox, by RBAC for Applications in Exchange Online or by an application access policy."
)

// unread is the problem of a flow whose mailbox, secret or way out could not be looked at.
func unread(subject watch.Subject, err error) watch.Problem {
	problem := watch.Problem{Subject: subject, Reason: watch.Unreadable, Err: err, Confined: true}
	if known, ok := errors.AsType[*fault](err); ok {
		problem.Reason, problem.Remedy = known.reason, known.remedy
		return problem
	}
	if failure, ok := errors.AsType[*imapread.Failure](err); ok {
		problem.Reason = failure.Reason
		switch {
		case failure.Login:
			problem.Remedy = logInRemedy
		case failure.Reason == watch.NotFound:
			problem.Remedy = "Correct folder and also: the mailbox has no such folder."
		case failure.Reason == watch.PermissionDenied:
			problem.Remedy = "Let the account read its folders and delete messages in them."
		}
		return problem
	}
	if neterr.TimedOut(err) {
		problem.Reason = watch.TimedOut
	}
	if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
		problem.Reason = failure.Reason
		switch failure.Reason {
		case watch.PermissionDenied:
			problem.Remedy = mailRead
		case watch.NotFound:
			problem.Remedy = "Check mailbox, folder and also: the tenant has no such mailbox or folder."
		default:
		}
	}
	return problem
}

// endOf is the end of a context, where that was the cause.
func endOf(err error) error {
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return nil
}
