package githubissues

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/ticket"
)

// Label is one of an issue.
type Label struct {
	Name string `json:"name"`
}

// Issue is one of the repository, as far as it matters to those that keep records.
type Issue struct {
	Number  int    `json:"number"`
	State   string `json:"state"`
	Title   string `json:"title"`
	Body    string `json:"body"`
	HTMLURL string `json:"html_url"`
	// Labels are in GitHub's order.
	Labels      []Label         `json:"labels"`
	ClosedAt    time.Time       `json:"closed_at"`
	PullRequest json.RawMessage `json:"pull_request"`
	// User opened it. Association is how they belong to the repository, such as MEMBER or
	// NONE.
	User        Account `json:"user"`
	Association string  `json:"author_association"`
}

// Account is one of GitHub.
type Account struct {
	ID int64 `json:"id"`
	// Type is User, Bot, or another word.
	Type string `json:"type"`
}

// Bot reports whether it is that of an app.
func (a Account) Bot() bool { return a.Type == "Bot" }

// Open reports whether it is not closed.
func (i Issue) Open() bool { return i.State == "open" }

// Labelled reports whether it has the label, whose case GitHub does not mind.
func (i Issue) Labelled(name string) bool {
	for _, label := range i.Labels {
		if strings.EqualFold(label.Name, name) {
			return true
		}
	}
	return false
}

// Comment is one of an issue.
type Comment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
}

// maxItems bounds a list; who has more open issues than that reads none of them.
const maxItems = 5000

// pageSizes are what is asked for, the next where pages are longer than what is read of an
// answer: a single issue may have 256 KiB.
var pageSizes = []int{100, 20, 4}

// EveryPage visits every item of a list until visit has what it wants. Where a page is too
// long, it begins anew with shorter ones, so that an item may be visited twice.
func EveryPage[T any](ctx context.Context, c *Client, path string, query url.Values, visit func(T) (enough bool)) (err error) {
	for _, size := range pageSizes {
		asked := maps.Clone(query)
		if err = pages(ctx, c.api, path, asked, size, visit); !errors.Is(err, ticket.ErrTooLong) {
			return err
		}
	}
	return err
}

// pages visits the pages of a size. Of the link to the next page only the place in the list
// is used (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api):
// long lists have cursors and no page numbers, and no link leads to another host.
func pages[T any](ctx context.Context, api ticket.API, path string, query url.Values, size int, visit func(T) (enough bool)) error {
	query.Set("per_page", strconv.Itoa(size))
	for range maxItems / size {
		var items []T
		header, _, err := api.Do(ctx, ticket.Call{Path: path, Query: query, Receive: &items})
		if err != nil {
			return err
		}
		if items == nil {
			return api.Unproven(http.MethodGet, path, errors.New("without a list"))
		}
		for _, item := range items {
			if visit(item) {
				return nil
			}
		}
		next := nextPage(header)
		if next == nil {
			return nil
		}
		for _, place := range []string{"page", "after"} {
			query.Del(place)
			if value := next.Get(place); value != "" {
				query.Set(place, value)
			}
		}
	}
	return &alerts.DeliveryError{Channel: api.Env.Name, Err: fmt.Errorf("read the list at %s: it has more than %d entries: close what is done, or use a label of its own", path, maxItems)}
}

var nextLink = regexp.MustCompile(`<([^<>]*)>\s*;\s*rel="next"`)

// nextPage is the query of the next page's link, nil on the last page.
func nextPage(header http.Header) url.Values {
	found := nextLink.FindStringSubmatch(header.Get("Link"))
	if found == nil {
		return nil
	}
	address, err := url.Parse(found[1])
	if err != nil {
		return nil
	}
	return address.Query()
}

// refusal is GitHub's form of an error:
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
type refusal struct {
	Message string `json:"message"`
	Errors  []struct {
		Field   string `json:"field"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

func words(body []byte) string {
	var said refusal
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	text := strings.TrimSuffix(said.Message, ".")
	for _, problem := range said.Errors {
		text += strings.TrimRight("; "+strings.TrimSpace(problem.Field+" "+problem.Code+" "+problem.Message), "; ")
	}
	return text
}

// withCommon adds what to do about refusals that all issues have in common.
func withCommon(remedies map[int]string) map[int]string {
	all := map[int]string{
		http.StatusUnauthorized:      "the token is wrong, expired or revoked: make a new one",
		http.StatusForbidden:         "the token may not do this: it needs to read and write issues of this repository, and the approval of its organization",
		http.StatusNotFound:          "no such repository, or the token may not see it: look at repository and at the token's repositories",
		http.StatusGone:              "the repository has its issues switched off: switch them on in its settings",
		http.StatusMovedPermanently:  "the repository was renamed or moved: give its new name",
		http.StatusTemporaryRedirect: "the repository was renamed or moved: give its new name",
	}
	maps.Copy(all, remedies)
	return all
}

// leastWait is what GitHub asks for where a limit does not say how long it lasts:
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
const leastWait = time.Minute

// verdict knows the rate limits, which answer 403 as well as 429. A 429 that says itself
// how long to wait is read like any other.
func (c *Client) verdict(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
	wait := header.Get("Retry-After")
	switch {
	case status != http.StatusForbidden && status != http.StatusTooManyRequests:
		return false, 0, false
	case wait != "" && status == http.StatusTooManyRequests:
		return false, 0, false
	case wait != "":
		return true, seconds(wait), true
	case header.Get("X-Ratelimit-Remaining") == "0":
		return true, c.untilReset(header), true
	case strings.Contains(strings.ToLower(words(body)), "rate limit"):
		return true, leastWait, true
	default:
		return false, 0, false
	}
}

func seconds(text string) time.Duration {
	const most = 24 * 60 * 60
	count, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || count < 0 {
		return leastWait
	}
	return time.Duration(min(count, most)) * time.Second
}

// untilReset compares the end of the limit with GitHub's own clock where it is told.
func (c *Client) untilReset(header http.Header) time.Duration {
	reset, err := strconv.ParseInt(header.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return leastWait
	}
	now := c.env.Now()
	if theirs, err := http.ParseTime(header.Get("Date")); err == nil {
		now = theirs
	}
	return max(time.Unix(reset, 0).Sub(now), time.Second)
}
