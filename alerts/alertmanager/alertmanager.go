// Package alertmanager posts what is open to Prometheus Alertmanager (API v2), and the
// end of what is not. It makes one attempt at every replica: retrying and remembering
// are the runner's; grouping, silencing and notifying people are Alertmanager's.
package alertmanager

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Kind is the Alertmanager channel.
var Kind = alerts.Define("alertmanager", defaults, New)

var (
	errNoEvents = errors.New("the message holds no events")
	errWebPage  = errors.New("it answered with a web page: the URL leads to something else than Alertmanager's API, such as a login page; give the base URL that `amtool --alertmanager.url` takes")
)

// replica is one Alertmanager.
type replica struct {
	host   string
	sender *httpsend.Sender
}

type channel struct {
	options  Options
	env      alerts.Env
	replicas []replica
}

// New makes a channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	made := &channel{options: options, env: env}
	for _, text := range options.URLs {
		address, err := url.Parse(text)
		if err != nil {
			return nil, errors.New("a URL cannot be parsed")
		}
		made.replicas = append(made.replicas, replica{host: address.Host, sender: httpsend.New(env, options.endpoint(text))})
	}
	return made, nil
}

// Recipients is the single cluster.
func (c *channel) Recipients() []string { return []string{""} }

// Manner: Alertmanager ends what is not repeated.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Standing: true} }

// Deliver posts the message to every replica. The proof is a 2xx status of each.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	if len(message.Events) == 0 {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: errNoEvents}
	}
	writer := newWriter(c.options, c.env, message)
	writer.known = c.recall(ctx, writer)
	posts, err := compose(writer)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	if len(posts) == 0 {
		return alerts.Receipt{Proof: "nothing to post: what this message says had ended by itself before it could be sent, or is told otherwise since, and later runs tell what stands"}, nil
	}
	header, secrets, err := c.header(message.ID)
	if err != nil {
		return alerts.Receipt{}, &alerts.DeliveryError{Channel: c.env.Name, Err: err}
	}
	answers := make([]answer, len(c.replicas))
	var posting sync.WaitGroup
	for i, replica := range c.replicas {
		posting.Go(func() { answers[i] = c.post(ctx, replica, posts, header, secrets) })
	}
	posting.Wait()
	receipt, err := outcome(posts, answers)
	if err == nil {
		c.remember(ctx, writer)
	}
	return receipt, err
}

func (c *channel) header(id string) (http.Header, []watch.Secret, error) {
	// Alertmanager tells repetitions by the labels; the id is for whoever reads the log
	// of a proxy.
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {id}}
	switch {
	case !c.options.BearerToken.IsZero():
		token, err := c.env.Secrets(c.options.BearerToken)
		if err != nil {
			return nil, nil, fmt.Errorf("read bearer token: %w", err)
		}
		header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
		return header, []watch.Secret{token}, nil
	case c.options.Username != "":
		password, err := c.env.Secrets(c.options.Password)
		if err != nil {
			return nil, nil, fmt.Errorf("read password: %w", err)
		}
		login := base64.StdEncoding.EncodeToString([]byte(c.options.Username + ":" + password.Reveal()))
		header.Set("Authorization", "Basic "+login)
		return header, []watch.Secret{password, watch.NewSecret(login)}, nil
	}
	return header, nil, nil
}

// answer is what came of one replica.
type answer struct {
	host    string
	status  int
	failure *alerts.DeliveryError
}

// post sends everything to one replica, in order.
func (c *channel) post(ctx context.Context, to replica, posts []post, header http.Header, secrets []watch.Secret) answer {
	answered := answer{host: to.host}
	for _, post := range posts {
		response, err := to.sender.Send(ctx, httpsend.Request{Path: apiPath, Header: header, Body: post.body, Secrets: secrets})
		answered.status = response.Status
		if failure, failed := errors.AsType[*alerts.DeliveryError](err); failed {
			answered.failure = failure
			return answered
		}
		if err := notTaken(response, post); err != nil {
			_, waits := errors.AsType[*clockError](err)
			answered.failure = &alerts.DeliveryError{Channel: c.env.Name, Retryable: waits, Status: response.Status, Err: fmt.Errorf("post to %s: %w", to.host, err)}
			return answered
		}
	}
	return answered
}

// clockError: by Alertmanager's clock, what has ended will end only later. It would keep
// the end that it knew.
type clockError struct{ behind time.Duration }

func (e *clockError) Error() string {
	return fmt.Sprintf("its clock is %s behind this machine's, so that it does not take what is resolved for ended: look at the clocks of both", e.behind)
}

// notTaken finds what says 2xx and is no delivery.
func notTaken(response httpsend.Response, sent post) error {
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return errWebPage
	}
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if behind := sent.ended.Truncate(time.Second).Sub(theirs); err == nil && behind > 0 && !sent.ended.IsZero() {
		return &clockError{behind}
	}
	return nil
}

// outcome joins what came of the replicas. Any failure is the message's: a replica that
// misses a repetition takes the alerts for ended, and says so. As long as one of them may
// take it later another attempt is worth it, because a repetition changes nothing.
func outcome(posts []post, answers []answer) (alerts.Receipt, error) {
	var taken, proofs []string
	var failed *alerts.DeliveryError
	for _, answer := range answers {
		failure := answer.failure
		switch {
		case failure == nil:
			taken = append(taken, answer.host)
			proofs = append(proofs, fmt.Sprintf("HTTP %d from %s", answer.status, answer.host))
		case failed == nil:
			first := *failure
			failed = &first
		default:
			failed.Err = fmt.Errorf("%w; %w", failed.Err, failure.Err)
			failed.Retryable = failed.Retryable || failure.Retryable
			failed.RetryAfter = max(failed.RetryAfter, failure.RetryAfter)
			failed.Status = cmp.Or(failed.Status, failure.Status)
		}
	}
	if failed == nil {
		return alerts.Receipt{Proof: fmt.Sprintf("%s: %s", strings.Join(proofs, ", "), counted(posts))}, nil
	}
	if len(taken) > 0 {
		failed.Err = fmt.Errorf("%d of %d replicas took it (%s): %w", len(taken), len(answers), strings.Join(taken, ", "), failed.Err)
	}
	return alerts.Receipt{}, failed
}
