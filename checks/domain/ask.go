package domain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// mostFailures is after how many questions in a row without an answer a registry is not
	// asked any more in a pass.
	mostFailures = 3
	// longestWait is the longest that a pass waits for a registry that asks for it.
	longestWait = 10 * time.Second
	// retryAfter is when a question that got lost is asked again, once.
	retryAfter = 500 * time.Millisecond
	// namedLeft is how many domains are named of which a registry told nothing.
	namedLeft = 20
)

// registry asks one registry about its domains, one after the other, with pauses.
func (p *pass) registry(ctx context.Context, base string, domains []asked) {
	book := &holdoff.Book{
		Memory: p.env.Memory, Log: p.env.Log, Key: "rdap:" + holdoff.Digest([]byte(base)), Subject: host(base),
	}
	r := &asking{pass: p, base: base, book: book}
	r.hold = book.Recall(ctx, p.env.Now(), nil)
	if p.trying {
		r.hold = nil
	}
	domains = r.turned(ctx, domains)
	for i, a := range domains {
		answered := false
		if err := checks.Guard(func() { answered = r.one(ctx, a) }); err != nil {
			r.told(a.problem(watch.InternalError, err, ""))
			answered = true
		}
		if ctx.Err() != nil {
			return
		}
		if !answered {
			r.leave(ctx, domains, i)
			return
		}
	}
	r.leave(ctx, domains, len(domains))
}

// asking is what is known of a registry in the course of a pass.
type asking struct {
	*pass
	base string
	book *holdoff.Book
	// hold is how long the registry is left alone; nil if it is not.
	hold *holdoff.Hold
	// questions were asked so far; failures of them in a row had no answer, the last of
	// which was this one.
	questions, failures int
	failure             *webclient.Failure
	// answered: the registry answered once, so that no hold of an earlier pass is left.
	answered bool
	// unanswered are the problems of domains that had no answer, as long as none had one; any
	// is that one had.
	unanswered []watch.Fact
	any        bool
}

// one asks about a domain, and waits where the registry asks for a short wait only. It
// reports false if the registry is not to be asked any more.
func (r *asking) one(ctx context.Context, a asked) bool {
	for r.ready(ctx) {
		r.questions++
		fact, failure := r.ask(ctx, a)
		if ctx.Err() != nil {
			return false
		}
		r.learn(ctx, failure)
		switch {
		case failure == nil:
			r.told(fact)
			return true
		case failure.Reason != watch.Throttled && r.any:
			r.sink(fact)
			return true
		case failure.Reason != watch.Throttled:
			r.unanswered = append(r.unanswered, fact)
			return true
		}
	}
	return false
}

// told tells of a domain of which there is an answer, and so of those that had none.
func (r *asking) told(fact watch.Fact) {
	r.any = true
	r.tellUnanswered()
	r.sink(fact)
}

func (r *asking) tellUnanswered() {
	for _, fact := range r.unanswered {
		r.sink(fact)
	}
	r.unanswered = nil
}

func (r *asking) ready(ctx context.Context) bool {
	now, wait := r.env.Now(), time.Duration(0)
	if r.questions > 0 {
		wait = time.Duration(r.options.Pause)
	}
	if r.hold != nil && now.Before(r.hold.RetryAt) {
		asked := r.hold.RetryAt.Sub(now)
		if asked > longestWait {
			return false
		}
		wait = max(wait, asked)
	}
	if r.failures >= mostFailures || !pause(ctx, wait) {
		return false
	}
	if r.hold != nil {
		r.hold.RetryAt = now
	}
	return true
}

func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// learn notes what an answer, or that there was none, says of the registry.
func (r *asking) learn(ctx context.Context, failure *webclient.Failure) {
	switch {
	case failure == nil:
		r.failures, r.hold = 0, nil
		if !r.answered {
			r.answered = true
			r.book.Succeeded(ctx)
		}
	case failure.Reason == watch.Throttled:
		hold := r.book.Refused(ctx, r.hold, holdoff.Refusal{Reason: failure.Reason, Text: failure.Error(), Status: failure.Status, Lasting: failure.Lasting}, failure.RetryAfter, nil, r.env.Now())
		r.hold, r.answered = &hold, false
	default:
		r.failures++
		r.failure = failure
	}
}

// ask asks about a domain. The failure is why there was no answer, if that was so, or why
// there will be none to the next question.
func (r *asking) ask(ctx context.Context, a asked) (watch.Fact, *webclient.Failure) {
	request := webclient.Request{
		URL:    r.base + "domain/" + a.ascii,
		Header: http.Header{"Accept": {rdapJSON + ", application/json;q=0.9"}},
	}
	answer, err := r.send(ctx, request)
	if err != nil {
		failure := r.client.Explain(webclient.Doing(http.MethodGet, request.URL), err)
		return a.problem(failure.Reason, failure, ""), failure
	}
	switch answer.Status {
	case http.StatusOK:
		found, err := decode(answer.Body, a.ascii)
		if err != nil {
			err = fmt.Errorf("%s: %w", webclient.Doing(http.MethodGet, request.URL), err)
			return a.problem(watch.Unparsable, err, "Look at what stands at this address: it should be an RDAP service (RFC 9083)."), nil
		}
		return a.fact(found, host(r.base), r.env.Now()), nil
	case http.StatusNotFound:
		if registryAnswered(answer) {
			return a.unregistered(host(r.base)), nil
		}
	}
	failure := r.client.Refusal(request, answer, words(answer.Body))
	_, remedy := explained(failure)
	if webclient.Passing(answer.Status) {
		return a.problem(failure.Reason, failure, remedy), failure
	}
	return a.problem(failure.Reason, failure, remedy), nil
}

// send asks once more where a question got lost. One that was refused for being one too many
// is not asked again like that: each counts.
func (r *asking) send(ctx context.Context, request webclient.Request) (webclient.Answer, error) {
	request.Method = http.MethodGet
	answer, err := r.client.Once(ctx, request)
	wait := retryAfter
	if err != nil {
		failure := r.client.Explain("", err)
		if failure.Lasting || failure.Reason != watch.Unreadable && failure.Reason != watch.Unreachable {
			return answer, err
		}
	} else {
		wait = max(wait, r.client.Refusal(request, answer, "").RetryAfter)
		if !webclient.Passing(answer.Status) || answer.Status == http.StatusTooManyRequests || wait > longestWait {
			return answer, nil
		}
	}
	if !pause(ctx, wait) {
		return answer, err
	}
	return r.client.Once(ctx, request)
}

const rdapJSON = "application/rdap+json"

// registryAnswered tells the 404 of an RDAP service, which has the error object of RFC
// 9083, 6, or nothing in it (RFC 7480, 5.3), from that of whatever else stands there.
func registryAnswered(answer webclient.Answer) bool {
	if len(bytes.TrimSpace(answer.Body)) == 0 {
		sort, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		return err == nil && sort == rdapJSON
	}
	refusal, ok := parse(answer.Body)
	return ok && refusal.errorCode == http.StatusNotFound
}

// words are those of the error object of RFC 9083, 6.
func words(body []byte) string {
	refusal, _ := parse(body) // of what is none there are no words
	return strings.TrimSpace(refusal.title + " " + strings.Join(refusal.description, " "))
}

const throttledRemedy = "Raise pause, or ask this registry less often: it limits how much it is asked."

// explained is why a service gave no answer, and what to do.
func explained(err error) (watch.Reason, string) {
	failure, ok := errors.AsType[*webclient.Failure](err)
	if !ok {
		return watch.Unparsable, "Look at what stands at this address: it should be a list of RDAP services (RFC 9224)."
	}
	return failure.Reason, map[watch.Reason]string{
		watch.Throttled:        throttledRemedy,
		watch.AuthFailed:       "Name another server: this one answers only to whoever signs in.",
		watch.PermissionDenied: "Ask the registry to let this machine's address in; or write the date into a check of kind register.",
		watch.NotFound:         "Correct server or bootstrap_url: no RDAP service answers there.",
	}[failure.Reason]
}

func host(base string) string {
	address, err := url.Parse(base)
	if err != nil {
		return base
	}
	return cmp.Or(address.Host, base)
}
