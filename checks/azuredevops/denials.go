package azuredevops

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// mostDenied is after how many users whose tokens are denied, and none of whom anything else
// is known than that they are denied or not found, the sign-in is taken for one that may list
// nobody's.
const mostDenied = 5

// denials counts users whose tokens are denied, or not found. What is so of each is so of
// whoever signs in; of one among others it is that user's own affair.
type denials struct {
	mu sync.Mutex
	// denied are those that 401 or 403 was answered for, missing those with 404: people who
	// have left. Of listed the tokens were read; other is any other failure.
	denied, missing, listed, other int
	status                         int
	// stopped stays, whatever becomes of the users who were being asked for: those who were
	// passed over are not known.
	stopped bool
}

func (d *denials) count(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failure, ok := errors.AsType[*webclient.Failure](err)
	switch {
	case err == nil:
		d.listed++
	case ok && (failure.Reason == watch.AuthFailed || failure.Reason == watch.PermissionDenied):
		d.denied++
		d.status = failure.Status
	case ok && failure.Reason == watch.NotFound:
		d.missing++
	default:
		d.other++
	}
	d.stopped = d.stopped || d.denied >= mostDenied && d.listed+d.other == 0
}

// stop reports whether there is no sense in asking for more users.
func (d *denials) stop() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped
}

// ofAll is what is to be said of the whole list of so many users in place of what is to be
// said of each, nil if there is nothing.
func (d *denials) ofAll(users int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case users == 0 || d.listed+d.other > 0:
		return nil
	case d.missing == users:
		return denial(watch.NotFound, "the tokens of no user are found, though the users are listed", http.StatusNotFound)
	default:
		return denial(watch.PermissionDenied, "whoever signs in may not administrate tokens", d.status)
	}
}

// ofSkipped is why nothing is known of users who were not asked for, nil if there are none,
// though others were not denied.
func (d *denials) ofSkipped(users int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	skipped := users - d.denied - d.missing - d.listed - d.other
	if skipped <= 0 {
		return nil
	}
	return denial(watch.PermissionDenied, fmt.Sprintf("the tokens of %d users are denied, so that those of %d more were not asked for", d.denied, skipped), d.status)
}

// anyListed reports whether the tokens of any user were read.
func (d *denials) anyListed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listed > 0
}

func denial(reason watch.Reason, text string, status int) error {
	return &webclient.Failure{Doing: "list personal access tokens", Reason: reason, Text: text, Status: status, Lasting: true}
}
