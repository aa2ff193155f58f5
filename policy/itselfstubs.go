package policy

import (
	"fmt"
	"time"

	"lapsewatch/watch"
)

// StatusSystemHealth is how the stubs on a status system do.
type StatusSystemHealth struct {
	System string
	// Open counts the stubs that are not resolved, Failing those that are not as they should
	// be, the oldest since Since, the last for LastError.
	Open, Failing int
	Since         time.Time
	LastError     string
}

// Condition says whether the stubs on the system are as they should be.
func (h StatusSystemHealth) Condition() watch.Condition {
	condition := watch.Condition{Subject: watch.Subject{ID: "incidents/" + h.System, Name: "status system " + h.System}, Text: "no incident is open"}
	if h.Open > 0 {
		condition.Text = counted(h.Open, "incident is", "incidents are") + " open, as they should be"
	}
	if h.Failing > 0 {
		condition.Reason = watch.StatusSystemFailing
		condition.Text = fmt.Sprintf("%s not as it should be there since %s", counted(h.Failing, "incident stub is", "incident stubs are"), stamp(h.Since))
		if h.LastError != "" {
			condition.Text += "; the last error: " + h.LastError
		}
	}
	return condition
}
