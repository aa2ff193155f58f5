package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"lapsewatch/checks"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

const (
	permissionForActivity = "AuditLog.Read.All"
	permissionForMails    = "User.ReadBasic.All"

	// ownerRequests in flight at a time, and at most in a pass.
	ownerRequests    = 8
	maxOwnerRequests = 20_000
	// maxOwnersEach are looked at of one application.
	maxOwnersEach = 100
)

// readActivity asks once when the credentials that end soon were last used.
func (p *pass) readActivity(ctx context.Context) activity {
	found := activity{last: map[credentialKey]time.Time{}}
	for _, one := range p.held {
		for _, at := range one.at {
			if i := &one.h.items[at]; i.signsIn() && i.keyID != "" {
				found.last[credentialKey{one.h.appID, i.keyID, one.h.principal}] = time.Time{}
			}
		}
	}
	if len(found.last) == 0 {
		return found
	}
	err := msgraph.Listing[signInRow]{Of: "the sign-in activity of credentials", First: p.signIns("999"), Read: msgraph.Document[signInRow]}.Each(
		ctx, p.client,
		func(row signInRow) error { found.note(row); return nil },
		func([]byte, error) { found.unreadable = true },
	)
	if err != nil && ctx.Err() == nil {
		found.unknown = activityLacks(err)
		p.remark("whether credentials that end soon are still in use is unknown: " + found.unknown)
	}
	return found
}

// activityLacks says in a clause why the sign-in report is not there.
func activityLacks(err error) string {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	switch {
	case !ok:
		return "the sign-in report could not be read: " + err.Error()
	case needsLicence(failure):
		return "the sign-in report needs a licence of Microsoft Entra ID P1 or P2"
	case failure.Reason == watch.PermissionDenied:
		return "the sign-in report needs the permission " + permissionForActivity
	case failure.Status == http.StatusNotFound || failure.Status == http.StatusBadRequest:
		return "this cloud has no sign-in report; Microsoft offers it in the public cloud only"
	default:
		return "the sign-in report could not be read: " + failure.Error()
	}
}

// needsLicence tells a missing licence from a missing permission: both are status 403.
func needsLicence(failure *msgraph.Failure) bool {
	return strings.Contains(failure.Code, "NonPremium")
}

// tellHeld asks about the credentials that end soon, and tells of them.
func (p *pass) tellHeld(ctx context.Context) {
	if len(p.held) == 0 {
		return
	}
	used := p.readActivity(ctx)
	asking := &ownerQuestions{pass: p, principals: map[string][]owner{}}
	limit := min(ownerRequests, max(p.env.Concurrency, 1))
	checks.Each(limit, slices.Values(p.held), func(one held) {
		if ctx.Err() != nil {
			return
		}
		from := asking.of(ctx, one.h)
		if ctx.Err() != nil {
			return
		}
		for _, at := range one.at {
			i := &one.h.items[at]
			var use watch.Use
			switch {
			case i.self: // this very pass signed in with it
				use = watch.Use{State: watch.InUse}
			case i.signsIn():
				use = used.use(one.h, i, p.now, time.Duration(p.options.UnusedAfter))
			}
			p.emit(one.h, at, use, from)
		}
	}, func(one held, err error) { p.sink(p.hidden(one.h, watch.InternalError, err)) })
	asking.summarise()
}

// ownerQuestions are those of one pass. It may be used concurrently.
type ownerQuestions struct {
	pass *pass

	mu         sync.Mutex
	asked      int
	told, mute int
	failed     int
	why        error // of the first that failed
	principals map[string][]owner
}

// of asks who owns a holder. An owner that is a service principal is replaced by its own
// owners, one step far.
func (q *ownerQuestions) of(ctx context.Context, h *holder) ownership {
	owners, err := q.list(ctx, h.objectID, h.principal)
	from := ownership{asked: true, owners: owners}
	if err != nil {
		failure, ok := errors.AsType[*msgraph.Failure](err)
		if from.gone = ok && failure.Status == http.StatusNotFound; !from.gone {
			from.failed = err.Error()
			q.fail(err)
		}
		return from
	}
	for _, one := range owners {
		if one.principal && one.id != "" {
			from.owners = append(from.owners, q.behind(ctx, one.id)...)
		}
	}
	return from
}

// behind are the owners of a service principal that owns others. It is asked once: one
// pipeline often owns many applications. Failing to answer leaves the pipeline itself.
func (q *ownerQuestions) behind(ctx context.Context, id string) []owner {
	q.mu.Lock()
	known, ok := q.principals[id]
	q.mu.Unlock()
	if ok {
		return known
	}
	owners, err := q.list(ctx, id, true)
	if err != nil {
		q.fail(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.principals[id] = owners
	return owners
}

var (
	errEnoughOwners  = errors.New("enough owners")
	errTooManyLookUp = fmt.Errorf("more than %d look-ups of owners are needed", maxOwnerRequests)
)

func (q *ownerQuestions) list(ctx context.Context, objectID string, principal bool) ([]owner, error) {
	q.mu.Lock()
	q.asked++
	over := q.asked > maxOwnerRequests
	q.mu.Unlock()
	if over {
		return nil, errTooManyLookUp
	}
	ask := q.pass.applicationOwners
	if principal {
		ask = q.pass.principalOwners
	}
	request, err := ask(ctx, objectID)
	if err != nil {
		return nil, err
	}
	var owners []owner
	err = msgraph.Listing[models.DirectoryObjectable]{Of: "owners of " + objectID, First: request, Read: readObject}.Each(
		ctx, q.pass.client,
		func(object models.DirectoryObjectable) error {
			if len(owners) == maxOwnersEach {
				return errEnoughOwners
			}
			owners = append(owners, ownerOf(object))
			return nil
		},
		func(raw []byte, _ error) { owners = append(owners, owner{mute: true}) },
	)
	if err != nil && !errors.Is(err, errEnoughOwners) {
		return nil, err
	}
	q.count(owners)
	return owners, nil
}

func (q *ownerQuestions) count(owners []owner) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, one := range owners {
		if one.mute {
			q.mute++
		} else if one.mail != "" {
			q.told++
		}
	}
}

func (q *ownerQuestions) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failed++
	if q.why == nil {
		q.why = err
	}
}

// summarise says once for all that owners were not told, or their mail addresses.
func (q *ownerQuestions) summarise() {
	if q.failed > 0 {
		q.pass.remark(fmt.Sprintf("the owners of %d %s could not be read: %s", q.failed,
			plural(q.failed, "application or service principal", "applications and service principals"), missing(q.why, permissionToRead)))
	}
	if q.mute > 0 && q.told == 0 {
		q.pass.remark("owners are known by their IDs only: the permission " + permissionForMails + " is missing, so that nobody can be told by mail")
	}
}
