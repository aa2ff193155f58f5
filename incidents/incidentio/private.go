package incidentio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/ticket"
)

// globalAccess is the role of a key that sees private incidents:
// https://docs.incident.io/api-reference/utilities-v1/identity
const globalAccess = "global_access"

// proveMissing requires that an incident which is not found was deleted: a key without the
// right to see private incidents is answered the same way. It is nil where it was.
func (o *organisation) proveMissing(ctx context.Context, id string) error {
	if o.options.Visibility != visiblePrivate || o.seesPrivate.Load() {
		return nil
	}
	const path = "/v1/identity"
	var answer struct {
		Identity *struct {
			Roles json.RawMessage `json:"roles"`
		} `json:"identity"`
	}
	if _, _, err := o.api.Do(ctx, ticket.Call{Path: path, Receive: &answer}); err != nil {
		return err
	}
	var roles []string
	if answer.Identity == nil || json.Unmarshal(answer.Identity.Roles, &roles) != nil || roles == nil {
		return o.api.Unproven(http.MethodGet, path, errors.New("without the roles of the API key"))
	}
	if slices.Contains(roles, globalAccess) {
		return nil
	}
	return &alerts.DeliveryError{
		Channel: o.env.Name, Status: http.StatusNotFound,
		Err: fmt.Errorf("the API key may not see private incidents, so that it is not known what has become of incident %s: give it the permission to view and edit private incidents (%s), or set visibility: public", clean.Text(id, maxName), globalAccess),
	}
}
