package entra

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
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
	found := activity{last: map[credentialKey]time.Time{}, read: time.Now().UTC()}
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
	reading, cancel := within(ctx, longestReport, func(left time.Duration) time.Duration { return left - left/reportShare })
	defer cancel()
	err := msgraph.Listing[signInRow]{Of: "the sign-in activity of credentials", First: p.signIns("999"), Read: msgraph.Document[signInRow]}.Each(
		reading, p.client,
		func(row signInRow) error { found.note(row); return nil },
		func([]byte, error) { found.unreadable = true },
	)
	if err != nil && ctx.Err() == nil {
		found.before = p.recallUnused(ctx, found.read)
		found.unknown = activityLacks(err, p.options.Cloud)
		if reading.Err() != nil {
			found.unknown = "the sign-in report is too long to be read within this pass"
		}
		p.remark("whether credentials that end soon are still in use is unknown: " + found.unknown)
	}
	return found
}

// activityLacks says in a clause why the sign-in report is not there.
func activityLacks(err error, cloud msgraph.Cloud) string {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	switch {
	case !ok:
		return "the sign-in report could not be read: " + err.Error()
	case needsLicence(failure):
		return "the sign-in report needs a licence of Microsoft Entra ID P1 or P2"
	case failure.Reason == watch.PermissionDenied:
		return "the sign-in report needs the permission " + permissionForActivity
	case national(cloud) && (failure.Status == http.StatusNotFound || failure.Status == http.StatusBadRequest):
		return "this cloud has no sign-in report; Microsoft offers it in the public cloud only"
	default:
		return "the sign-in report could not be read: " + failure.Error()
	}
}

func national(cloud msgraph.Cloud) bool { return cloud != "" && cloud != msgraph.PublicCloud }

// needsLicence tells a missing licence from a missing permission: both are status 403.
func needsLicence(failure *msgraph.Failure) bool {
	return strings.Contains(failure.Code, "NonPremium")
}

// The shares of the time left: the report for all credentials at once is a slow list with
// a pace of its own, and what is known by the end must still be told.
const (
	longestReport = 3 * time.Minute
	reportShare   = 3
	lastShare     = 10
	longestLast   = 5 * time.Second
)

// within gives a context that ends when the work should, before ctx does.
func within(ctx context.Context, longest time.Duration, spare func(left time.Duration) time.Duration) (context.Context, context.CancelFunc) {
	if deadline, bounded := ctx.Deadline(); bounded {
		left := time.Until(deadline)
		longest = min(longest, left-spare(left))
	}
	return context.WithTimeout(ctx, longest)
}

// tellHeld asks about the credentials that end soon, and tells of them. Those that there
// is no time to ask about are left to tellRest.
func (p *pass) tellHeld(ctx context.Context) {
	if len(p.held) == 0 {
		return
	}
	used := p.readActivity(ctx)
	if used.unknown == "" && ctx.Err() == nil {
		p.rememberUnused(ctx, p.provedUnused(&used), used.read)
	}
	asking := &ownerQuestions{pass: p, principals: map[string][]owner{}}
	asked, cancel := within(ctx, time.Hour, func(left time.Duration) time.Duration { return min(left/lastShare, longestLast) })
	defer cancel()
	limit := min(ownerRequests, max(p.env.Concurrency, 1))
	told := make([]bool, len(p.held))
	checks.Each(limit, indexes(len(p.held)), func(n int) {
		one := p.held[n]
		from := asking.of(asked, one.h)
		if asked.Err() != nil {
			return
		}
		for _, at := range one.at {
			p.emit(one.h, at, p.useOf(one.h, at, &used), from)
		}
		told[n] = true
	}, func(n int, err error) { p.sink(p.hidden(p.held[n].h, watch.InternalError, err)) })
	asking.summarise()
	rest := p.held[:0]
	for n, one := range p.held {
		if !told[n] {
			rest = append(rest, one)
		}
	}
	if p.held = rest; len(rest) > 0 {
		p.remark(fmt.Sprintf("the owners of %d %s were not looked up: the pass had no time left", len(rest), plural(len(rest), "application", "applications")))
		p.tellRest()
	}
}

func indexes(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func (p *pass) useOf(h *holder, at int, used *activity) watch.Use {
	i := &h.items[at]
	switch {
	case i.self: // this very pass signed in with it
		return watch.Use{State: watch.InUse}
	case i.signsIn():
		return used.use(h, i, p.now, time.Duration(p.options.UnusedAfter))
	default:
		return watch.Use{}
	}
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
