package azuredevops

import (
	"errors"
	"net/http"
	"sync"

	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

// mostDenied is after how many users, and not one whose tokens are listed, the sign-in is
// taken for one that may list nobody's.
const mostDenied = 5

// denials counts users whose tokens are denied, or not found. What is so of each is so of
// whoever signs in; of one among others it is that user's own affair.
type denials struct {
	mu           sync.Mutex
	asked, times int
	// reason, text and status are what to say if all are denied.
	reason watch.Reason
	text   string
	status int
}

func (d *denials) count(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	failure, ok := errors.AsType[*webclient.Failure](err)
	if !ok {
		return
	}
	switch failure.Reason {
	case watch.AuthFailed, watch.PermissionDenied:
		d.times++
		d.reason, d.text, d.status = watch.PermissionDenied, "whoever signs in may not administrate tokens", failure.Status
	case watch.NotFound:
		d.times++
		if d.reason == "" {
			d.reason, d.text, d.status = watch.NotFound, "the tokens of no user are found, though the users are listed", http.StatusNotFound
		}
	default:
	}
}

// all reports whether there is no sense in asking for more users.
func (d *denials) all() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.times >= mostDenied && d.times == d.asked
}

// allOf reports whether each of so many users was denied.
func (d *denials) allOf(users int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return users > 0 && d.times == users
}
