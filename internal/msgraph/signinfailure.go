package msgraph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/internal/retryafter"
	"lapsewatch/watch"
)

// tokenError is a refusal of Entra's token endpoint (RFC 6749 section 5.2, with Entra's
// additions).
type tokenError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	CorrelationID string `json:"correlation_id"`
	// Message is what endpoints of managed identities say instead of a description.
	Message string `json:"message"`
}

var (
	aadsts  = regexp.MustCompile(`AADSTS(\d{4,9})`)
	plainID = regexp.MustCompile(`^[0-9A-Za-z_.:-]{1,` + strconv.Itoa(shownID) + `}$`)
	// advice is azidentity's, and linkBreak how it begins each link of a chain.
	advice    = regexp.MustCompile(`[.:]?\s*(See|To troubleshoot, visit) https://\S+( for more information)?\.?`)
	linkBreak = regexp.MustCompile(`\n\t([^\t])`)
	trailing  = regexp.MustCompile(`(?s)\s*(Trace ID|Correlation ID|Timestamp): .*$`)
)

// requestID is an id that a service gave, if it looks like one.
func requestID(text string) string {
	if plainID.MatchString(text) {
		return text
	}
	return ""
}

// code is an error code that a service gave.
func code(text string) string { return clean.Text(redact.JWTs(text), shownID) }

// explain says why an attempt to sign in failed. What was seen on the wire is believed
// before what azidentity makes of it, unless that lists what each link of a chain lacks.
func (g *gate) explain(err error, seen *witness, now time.Time) *Failure {
	method := g.options.method()
	_, refused := errors.AsType[*azidentity.AuthenticationFailedError](err)
	switch {
	case seen.err != nil && method == ManagedIdentity:
		return &Failure{Doing: g.doing(), Reason: watch.AuthUnavailable, Text: "no managed identity answers on this machine: " + networkFailure("", seen.host, seen.err, seen.secrets...).Text, Err: seen.err}
	case seen.err != nil && refused:
		if failure, ok := errors.AsType[*Failure](seen.err); ok {
			again := *failure
			again.Doing = g.doing()
			return &again
		}
		return networkFailure(g.doing(), seen.host, seen.err, seen.secrets...)
	case seen.got.status >= http.StatusBadRequest && (refused || method == ManagedIdentity):
		return g.told(seen, now)
	case refused && seen.host != "" && (method != DefaultChain || mediaOf(seen.got) != "application/json"):
		return g.unreadable(err, seen)
	}
	failure := &Failure{Doing: g.doing(), Reason: watch.AuthUnavailable, Lasting: true, Text: lacking(method, redact.Text(err.Error(), seen.secrets...))}
	if found := aadsts.FindStringSubmatch(err.Error()); found != nil { // the Azure CLI's words
		number, _ := strconv.Atoi(found[1])
		failure.judge(number, err.Error())
	}
	return failure
}

// lacking is what azidentity says of a machine that has nothing to sign in with.
func lacking(method Method, text string) string {
	switch {
	case method == DefaultChain:
		var links []string
		for link := range strings.SplitSeq(linkBreak.ReplaceAllString(text, "\x00$1"), "\x00") {
			links = append(links, clean.Text(said(plainly(link)), shownOfLink))
		}
		if len(links) > 1 {
			links = links[1:] // the first says that a list follows
		}
		return clean.Text("nothing to sign in with: "+strings.Join(links, "; "), shownOfChain)
	case method == AzureCLI && strings.Contains(text, "executable not found"):
		return "the Azure CLI is not installed: az was not found on the path"
	}
	return said(plainly(text))
}

// plainly leaves out where to read on.
func plainly(text string) string {
	return advice.ReplaceAllString(trailing.ReplaceAllString(text, ""), "")
}

// told is a refusal in the token endpoint's own words.
func (g *gate) told(seen *witness, now time.Time) *Failure {
	var refused tokenError
	_ = json.Unmarshal(seen.got.body, &refused) // whatever of it can be read is of use
	description := trailing.ReplaceAllString(cmp.Or(refused.Description, refused.Message), "")
	failure := &Failure{
		Doing: g.doing(), Reason: watch.AuthFailed, Status: seen.got.status, Lasting: !g.passing(seen.got.status),
		CorrelationID: requestID(refused.CorrelationID), Text: said(description),
	}
	if failure.Text == "" {
		failure.Text = fmt.Sprintf("%s answers %s", seen.host, strings.ToLower(http.StatusText(seen.got.status)))
		if media := mediaOf(seen.got); media != "" && media != "application/json" {
			failure.Text += ", " + notJSON(media)
		}
	}
	if seen.got.status == http.StatusTooManyRequests {
		failure.Reason = watch.Throttled
	}
	if wait := retryafter.Of(seen.got.header, now, longestRetryAfter); wait > 0 {
		failure.RetryAt = now.Add(wait).UTC()
	}
	numbers := refused.Codes
	if found := aadsts.FindStringSubmatch(refused.Description); found != nil && len(numbers) == 0 {
		number, _ := strconv.Atoi(found[1])
		numbers = []int{number}
	}
	for _, number := range numbers {
		if failure.judge(number, refused.Description) {
			break
		}
	}
	if len(numbers) == 0 && g.options.method() == ManagedIdentity && failure.Lasting {
		failure.Reason, failure.Text = watch.AuthUnavailable, "the managed identity is not to be had: "+failure.Text
	}
	return failure
}

// passing: the status is one of an outage, or of an endpoint of managed identities that is
// being updated (learn.microsoft.com/entra/identity/managed-identities-azure-resources).
func (g *gate) passing(status int) bool {
	updating := status == http.StatusNotFound || status == http.StatusGone
	return transientStatus(status) || updating && g.options.method() == ManagedIdentity
}

// judge takes over what a number means; false if that is not known.
func (f *Failure) judge(number int, description string) bool {
	if f.Code == "" {
		f.Code = "AADSTS" + strconv.Itoa(number)
	}
	known, ok := verdictOf(number, description)
	if ok {
		f.Code = "AADSTS" + strconv.Itoa(number)
		f.Reason, f.Text = known.reason, known.text
		f.Lasting = f.Lasting && !known.passing
	} else if f.Reason == watch.AuthUnavailable {
		f.Reason = watch.AuthFailed
	}
	return ok
}

// unreadable is an answer with a good status that azidentity could not use.
func (g *gate) unreadable(err error, seen *witness) *Failure {
	failure := &Failure{Doing: g.doing(), Reason: watch.Unparsable, Status: seen.got.status, Lasting: true}
	media := mediaOf(seen.got)
	if media != "application/json" {
		failure.Text = seen.host + ": " + notJSON(media)
		return failure
	}
	failure.Text = seen.host + " gives no token: " + said(err.Error(), seen.secrets...)
	return failure
}
