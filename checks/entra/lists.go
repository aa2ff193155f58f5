package entra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// readPolicy asks for the tenant's own limits. Without them max_life counts.
func (p *pass) readPolicy(ctx context.Context) {
	var answer policyAnswer
	err := p.client.GetJSON(ctx, "read the app management policy", p.managementPolicy(), &answer)
	if err == nil {
		p.lifetimes, err = answer.lifetimes()
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		p.remark("without the tenant's app management policy, lives are held against max_life alone: " + missing(err, permissionForPolicy))
	}
}

const permissionForPolicy = "Policy.Read.All"

// missing says in a clause what a feature lacks: a permission, or what went wrong.
func missing(err error, permission string) string {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	if ok && failure.Reason == watch.PermissionDenied && !needsLicence(failure) {
		return "the permission " + permission + " is missing"
	}
	return err.Error()
}

// readServicePrincipals tells of the service principals' own credentials, and notes what
// they say about their applications.
func (p *pass) readServicePrincipals(ctx context.Context) {
	credentials := p.options.ServicePrincipals || p.options.SAML
	request, err := p.servicePrincipals(ctx, credentials, pageSize)
	if err == nil {
		err = msgraph.Listing[models.ServicePrincipalable]{Of: listNames[listPrincipals], First: request, Read: readServicePrincipal}.Each(
			ctx, p.client,
			func(model models.ServicePrincipalable) error {
				h, err := fromServicePrincipal(model, credentials)
				p.servicePrincipal(ctx, h, err)
				return ctx.Err()
			},
			func(raw []byte, err error) { p.brokenObject(ctx, listPrincipals, raw, err) },
		)
	}
	p.principalsKnown = err == nil
	if err != nil {
		p.unlistedBecause(ctx, listPrincipals, err)
	}
}

func (p *pass) servicePrincipal(ctx context.Context, h *holder, err error) {
	if err != nil {
		p.broken(ctx, listPrincipals, h, err)
		return
	}
	if !p.first(h.objectID) {
		return
	}
	note := principalNote{disabled: h.disabledHere, proxied: hasTag(h.tags, proxyTag)}
	if note != (principalNote{}) {
		p.principals[asUUID(h.appID)] = note
	}
	if p.leftOut(h) {
		return
	}
	h.sortOutRotated(note.proxied, p.options.SelfRotating, &p.counts.rotated)
	h.gatherSigning(p.now)
	h.keepWanted(p.options)
	p.tell(h)
}

// leftOut reports that the filters leave a holder out, and counts it if it has anything to
// tell. What Lapsewatch signs in as is never left out.
func (p *pass) leftOut(h *holder) bool {
	p.fit(h)
	if p.isSelf(h) {
		return false
	}
	out := len(p.options.Include) > 0 && !anyMatches(p.options.Include, h) || anyMatches(p.options.Exclude, h)
	if out && len(h.items) > 0 {
		p.counts.excluded++
	}
	return out
}

// fit notes which filters and rules the holder fits: one that fits nothing is most likely
// misspelt, and what it was to leave out or to route is not.
func (p *pass) fit(h *holder) {
	for path, filter := range p.unfitted {
		if filter.matches(h) {
			delete(p.unfitted, path)
		}
	}
}

// remarkOnFilters names those that fitted nothing, if everything was listed.
func (p *pass) remarkOnFilters() {
	if len(p.unlisted) > 0 {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(p.unfitted)) {
		p.remark(path + " fits no application and no service principal")
	}
}

// readUnowned learns which applications have no owner. Where Graph does not answer that,
// it is found out for those that end soon, by asking for their owners.
func (p *pass) readUnowned(ctx context.Context) {
	type object struct {
		ID string `json:"id"`
	}
	request, err := p.requests.unowned(ctx)
	if err == nil {
		err = msgraph.Listing[object]{Of: "applications without owners", First: request, Read: msgraph.Document[object]}.Each(
			ctx, p.client,
			func(found object) error { p.unowned[asUUID(found.ID)] = true; return nil },
			func([]byte, error) {},
		)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		p.remark("which applications have no owner is known only of those with a credential that ends soon: " + missing(err, permissionToRead))
	}
}

// readApplications tells of the applications' credentials.
func (p *pass) readApplications(ctx context.Context) {
	var err error
	for _, wanted := range []breadth{{p.options.Federated, true}, {p.options.Federated, false}, {false, false}} {
		met := 0
		if met, err = p.walkApplications(ctx, wanted); met > 0 || !refusedQuery(err) {
			if p.options.Federated && !wanted.federated {
				p.remark("without federated credentials: Microsoft Graph does not tell them here")
			}
			break
		}
	}
	if err != nil {
		p.unlistedBecause(ctx, listApplications, err)
	}
}

// refusedQuery: Graph does not know a part of the query, as other clouds' may not.
func refusedQuery(err error) bool {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	return ok && failure.Status == http.StatusBadRequest
}

func (p *pass) walkApplications(ctx context.Context, wanted breadth) (met int, err error) {
	request, err := p.applications(ctx, wanted, pageSize)
	if err != nil {
		return 0, fmt.Errorf("list applications: %w", err)
	}
	err = msgraph.Listing[models.Applicationable]{Of: listNames[listApplications], First: request, Read: readApplication}.Each(
		ctx, p.client,
		func(model models.Applicationable) error {
			met++
			h, err := fromApplication(model)
			p.application(ctx, h, err)
			return ctx.Err()
		},
		func(raw []byte, err error) { met++; p.brokenObject(ctx, listApplications, raw, err) },
	)
	return met, err
}

func (p *pass) application(ctx context.Context, h *holder, err error) {
	if err != nil {
		p.broken(ctx, listApplications, h, err)
		return
	}
	if !p.first(h.objectID) || p.leftOut(h) {
		return
	}
	if len(h.items) == 0 {
		p.counts.empty++
		return
	}
	note := p.principals[asUUID(h.appID)]
	if note.disabled {
		h.disabledHere = true
		if !h.multiTenant && h.unusable == "" {
			h.unusable = textDisabled
		}
	}
	h.sortOutRotated(note.proxied || !p.principalsKnown, p.options.SelfRotating, &p.counts.rotated)
	p.tell(h)
}
