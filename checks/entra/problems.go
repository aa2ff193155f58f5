package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// The lists that make up the tenant, as subjects of problems.
const (
	listApplications = "applications"
	listPrincipals   = "service-principals"
)

var listNames = map[string]string{
	listApplications: "applications",
	listPrincipals:   "service principals",
}

const permissionToRead = "Application.Read.All"

// unlistedBecause tells that a list is incomplete, so that nothing that is missing from it
// counts as removed.
func (p *pass) unlistedBecause(ctx context.Context, list string, err error) {
	if errors.Is(ctx.Err(), context.Canceled) || p.unlisted[list] {
		return
	}
	p.unlisted[list] = true
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("list %s: it was not read to its end in the time that the pass has for it", listNames[list])
	}
	problem := watch.Problem{
		Subject: watch.Subject{
			ID: p.tenant + "/" + list, Name: listNames[list] + " of tenant " + p.tenant,
			Labels: map[string]string{"tenant": p.tenant},
		},
		Reason: watch.Incomplete, Err: err,
	}
	if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
		problem.Reason, problem.Details, problem.Remedy = failure.Reason, failureDetails(failure), p.options.nextStep(failure)
		if failure.Reason == watch.PermissionDenied {
			problem.Remedy = fmt.Sprintf("Give the application that Lapsewatch signs in as the application permission %s of Microsoft Graph, and let an administrator consent to it.", permissionToRead)
		}
	}
	p.sink(problem)
}

// failureDetails are what Microsoft's support asks for.
func failureDetails(failure *msgraph.Failure) map[string]any {
	details := map[string]any{}
	text := func(key, value string) {
		if value != "" {
			details[key] = value
		}
	}
	text("code", failure.Code)
	text("correlation_id", failure.CorrelationID)
	text("request_id", failure.RequestID)
	if failure.Status != 0 {
		details["status"] = failure.Status
	}
	if !failure.RetryAt.IsZero() {
		details["next_attempt"] = failure.RetryAt.UTC().Format(time.RFC3339)
	}
	if failure.Attempts > 0 {
		details["failed_attempts"] = failure.Attempts
	}
	return details
}

// stub is as much of an object as can be read when the rest of it cannot.
type stub struct {
	ID          any `json:"id"`
	AppID       any `json:"appId"`
	DisplayName any `json:"displayName"`
}

// brokenObject tells of an object that cannot be read. It hides what is known of its
// application and nothing else, unless it does not even say which that is.
func (p *pass) brokenObject(ctx context.Context, list string, raw []byte, err error) {
	var read stub
	if json.Unmarshal(raw, &read) != nil {
		p.unlistedBecause(ctx, list, fmt.Errorf("list %s: one of them cannot be read: %w", listNames[list], err))
		return
	}
	text := func(value any) string {
		given, _ := value.(string)
		return given
	}
	p.broken(ctx, list, &holder{
		principal: list == listPrincipals, objectID: guid(text(read.ID)), appID: guid(text(read.AppID)), name: text(read.DisplayName),
	}, err)
}

func (p *pass) broken(ctx context.Context, list string, h *holder, err error) {
	if h.appID == "" {
		p.unlistedBecause(ctx, list, fmt.Errorf("list %s: %q cannot be read: %w", listNames[list], h.displayName(), err))
		return
	}
	if h.objectID != "" && !p.first(h.objectID) {
		return
	}
	p.sink(p.hidden(h, watch.Unparsable, err))
}

// hidden is the problem of one application or service principal as a whole.
func (p *pass) hidden(h *holder, reason watch.Reason, err error) watch.Problem {
	prefix, what := p.tenant+"/"+h.appID+"/", "application"
	id := prefix + "unreadable"
	if h.principal {
		id, what = prefix+"sp/unreadable", "service principal"
	}
	remedy := ""
	if reason == watch.Unparsable {
		remedy = "Look at the credentials of this application in the portal: Microsoft Graph tells one of them in a form that cannot be read."
	}
	return watch.Problem{
		Subject: watch.Subject{
			ID: id, Name: h.displayName(), Labels: map[string]string{"tenant": p.tenant, "app_id": h.appID},
			Owners: p.configured(h),
		},
		Reason: reason, Confined: true, HidesPrefix: prefix,
		Err:     fmt.Errorf("read %s %s: %w", what, h.appID, errors.New(clean.Text(err.Error(), maxDetailRunes))),
		Details: map[string]any{"application": h.displayName(), "app_id": h.appID, "object_id": h.objectID},
		Remedy:  remedy,
	}
}
