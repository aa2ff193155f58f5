package upstream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// mostReads of one source in a pass: a moment's outage of a status page is no news, and
	// whoever fails twice is not read.
	mostReads = 2
	pause     = 500 * time.Millisecond
	// longestPause is the longest that a pass waits because a page asks it to.
	longestPause = 10 * time.Second
)

// unread is why a source that answered says nothing.
type unread struct {
	reason watch.Reason
	text   string
	remedy string
}

func (u *unread) Error() string { return u.text }

// look is one pass over one upstream.
type look struct {
	*check
	upstream Upstream
	client   *webclient.Client
	now      time.Time
	stale    time.Duration
	// keeps: what was read is remembered. A trial is no pass.
	keeps bool
	// atOnce: somebody waits, so that a sign-in that was refused is tried all the same.
	atOnce bool
	// accounts are those that all looks of a pass share.
	accounts *accounts
	// recalled is what earlier passes left, as it was kept.
	recalled []byte
}

// read reads a source, and once more if that fails for what may be over in a moment.
func (l *look) read(ctx context.Context, s Source) result {
	for attempt := 1; ; attempt++ {
		found := result{source: s}
		if fault := checks.Guard(func() { found.reading, found.err = forms()[s.Kind].read(ctx, l, s) }); fault != nil {
			found.err = &unread{reason: watch.InternalError, text: fault.Error()}
			return found
		}
		wait, worth := again(found.err)
		if found.err == nil || attempt == mostReads || !worth || !sleep(ctx, wait) {
			return found
		}
	}
}

// again reports whether a failure may be over in a moment, and when.
func again(err error) (time.Duration, bool) {
	if _, signIn := errors.AsType[*msgraph.Failure](err); signIn {
		return 0, false // it has tried again itself
	}
	failure, ok := errors.AsType[*webclient.Failure](err)
	if !ok {
		return pause, true // something else answered: a proxy, or half a page
	}
	return max(failure.RetryAfter, pause), !failure.Lasting && failure.RetryAfter <= longestPause
}

// sleep reports whether the whole wait has passed.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// json reads a document that should be JSON.
func (l *look) json(ctx context.Context, s Source) ([]byte, error) {
	return l.public(ctx, s, "application/json")
}

// public reads a document that needs no sign-in, without what its own address holds.
func (l *look) public(ctx context.Context, s Source, accept string) ([]byte, error) {
	secrets := s.secrets()
	request := webclient.Request{URL: s.document(), Header: http.Header{"Accept": {accept}}, Private: true, Secrets: secrets}
	answer, err := l.client.Once(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, refused(l.client.Refusal(request, answer, ""), answer)
	}
	if accept == "application/json" && bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<")) {
		return nil, &unread{reason: watch.Unparsable, text: "it answered with a web page where JSON belongs: a login page, a proxy, or something else stands at this address"}
	}
	return withoutSecrets(answer.Body, secrets), nil
}

// refused says what to do about an answer that is none.
func refused(failure *webclient.Failure, answer webclient.Answer) error {
	trouble := &webclient.Trouble{Err: failure}
	switch {
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
		trouble.Reason = watch.PermissionDenied
		trouble.Remedy = "Check the source's URL, and let this machine read it without signing in, as everybody may."
	case answer.Status >= 300 && answer.Status < 400:
		trouble.Remedy = "Open the source's URL in a browser, and give the URL of the page that it leads to"
		if target, err := url.Parse(answer.Header.Get("Location")); err == nil && target.Host != "" {
			trouble.Remedy += fmt.Sprintf(" (at %s)", shown(target.Host))
		}
		trouble.Remedy += ", if that is the provider's."
	case failure.Reason == watch.NotFound:
		trouble.Remedy = "Check the source's URL and kind: such a page publishes no status there."
	}
	return trouble
}

// whyNot is the reason of a failed read, and the next step where policy's general one would
// mislead.
func whyNot(err error) (watch.Reason, string) {
	if known, ok := errors.AsType[*unread](err); ok {
		return known.reason, cmp.Or(known.remedy, remedies()[known.reason])
	}
	if failure, ok := errors.AsType[*msgraph.Failure](err); ok {
		return failure.Reason, ""
	}
	problem := webclient.Problem(watch.Subject{}, "", err)
	return problem.Reason, cmp.Or(problem.Remedy, remedies()[problem.Reason])
}

// remedies are those of reasons for which policy speaks of certificates and sign-ins.
func remedies() map[watch.Reason]string {
	return map[watch.Reason]string{
		watch.Unparsable: "Open the source's URL: what stands there is not what its kind publishes, but a web page, a proxy's word or something else. Correct the URL or the kind.",
		watch.Throttled:  "The provider limits how often its page is read: run less often, or from fewer places.",
	}
}
