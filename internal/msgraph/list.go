package msgraph

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

	"lapsewatch/watch"
)

// maxPages is far more than the largest tenant needs.
const maxPages = 10_000

// Listing is one collection of Graph, to be walked page by page.
type Listing[T any] struct {
	// Of names in messages what is listed: "applications".
	Of string
	// First asks for the first page, with the page size: what the ToGetRequestInformation
	// of an SDK builder gives, or Client.Get. Its headers are sent with every page.
	First *abstractions.RequestInformation
	// Read makes an item of its JSON: Model or Document. It may be called for any item.
	Read func(item []byte) (T, error)
}

// Model reads items as the SDK does: Model[models.Applicationable](models.CreateApplicationFromDiscriminatorValue).
// A panic of the SDK is an error.
func Model[T serialization.Parsable](factory serialization.ParsableFactory) func(item []byte) (T, error) {
	return func(item []byte) (made T, err error) {
		defer func() {
			if fault := recover(); fault != nil {
				err = fmt.Errorf("the SDK cannot read it: %v", fault)
			}
		}()
		node, err := jsonserialization.NewJsonParseNode(item)
		if err != nil {
			return made, err
		}
		value, err := node.GetObjectValue(factory)
		if err != nil {
			return made, err
		}
		made, ok := value.(T)
		if !ok {
			return made, errors.New("it is no object")
		}
		return made, nil
	}
}

// Document reads items with encoding/json, for what the SDK has no model of.
func Document[T any](item []byte) (T, error) {
	var made T
	err := json.Unmarshal(item, &made)
	return made, err
}

// page is what every collection of Graph looks like (OData JSON 4.01 section 11).
type page struct {
	Value *[]json.RawMessage `json:"value"`
	Next  *string            `json:"@odata.nextLink"`
}

// Each walks the whole collection. An item that cannot be read is handed to broken with
// its JSON, which is only lent, and the walk goes on; an error of item ends it. Each
// returns nil only after the last page: any other end is an error, a *Failure or one that
// wraps that of ctx or of item, and what was seen until then is an incomplete list.
func (l Listing[T]) Each(ctx context.Context, client *Client, item func(T) error, broken func(item []byte, err error)) error {
	request, err := native(ctx, client, l.First)
	if err != nil {
		return fmt.Errorf("list %s: %w", l.Of, err)
	}
	// The links of Graph repeat the query; should one not, its pages still keep the pace.
	pace := client.paces.of(request.URL)
	seen := map[[sha256.Size]byte]bool{}
	for number := 1; ; number++ {
		doing := fmt.Sprintf("list %s, page %d", l.Of, number)
		if link := sha256.Sum256([]byte(request.URL.String())); seen[link] {
			return &Failure{Doing: doing, Reason: watch.Incomplete, Lasting: true, Text: "the list leads back to a page that was read already"}
		} else if number > maxPages {
			return &Failure{Doing: doing, Reason: watch.Incomplete, Lasting: true, Text: fmt.Sprintf("the list has more than %d pages", maxPages)}
		} else {
			seen[link] = true
		}
		got, err := client.ask(request, pace)
		if err != nil {
			return retold(err, doing)
		}
		read, failure := readPage(got)
		if failure != nil {
			failure.Doing = doing
			return failure
		}
		if err := l.items(*read.Value, item, broken); err != nil {
			return err
		}
		if read.Next == nil || *read.Next == "" {
			return nil
		}
		if request, failure = client.follow(request, *read.Next); failure != nil {
			failure.Doing = doing
			return failure
		}
	}
}

func (l Listing[T]) items(raw []json.RawMessage, item func(T) error, broken func(item []byte, err error)) error {
	for _, one := range raw {
		made, err := l.Read(one)
		if err != nil {
			broken(one, err)
			continue
		}
		if err := item(made); err != nil {
			return err
		}
	}
	return nil
}

func readPage(got answer) (page, *Failure) {
	var read page
	if err := json.Unmarshal(got.body, &read); err != nil {
		return read, &Failure{Reason: watch.Unparsable, Status: got.status, Lasting: true, Text: "the answer is no page of a list: " + said(err.Error()), Err: err}
	}
	if read.Value == nil {
		return read, &Failure{Reason: watch.Incomplete, Status: got.status, Lasting: true, Text: "the answer holds no list, not even an empty one"}
	}
	return read, nil
}

// follow makes the request for the next page: at the same place, with the same headers.
func (c *Client) follow(last *http.Request, link string) (*http.Request, *Failure) {
	refuse := func(text string) (*http.Request, *Failure) {
		return nil, &Failure{Reason: watch.Incomplete, Lasting: true, Text: text}
	}
	next, err := url.Parse(link)
	switch {
	case err != nil:
		return refuse("the link to the next page cannot be parsed")
	case !c.onGraph(next):
		return refuse(fmt.Sprintf("the link to the next page leads away from %s, to %s", c.graph.Host, said(next.Scheme+"://"+next.Host)))
	case version(next) != version(last.URL):
		return refuse(fmt.Sprintf("the link to the next page leads away from /%s, to /%s", version(last.URL), said(version(next))))
	}
	request := last.Clone(last.Context())
	request.URL = next
	return request, nil
}

// version is the first segment of Graph's paths: v1.0 or beta.
func version(address *url.URL) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(address.Path), "/"), "/")
	return first
}

// Get is a request for what the SDK has no builder of: version is "v1.0" or "beta",
// resource begins with a slash, query may be nil.
func (c *Client) Get(version, resource string, query url.Values) *abstractions.RequestInformation {
	address := *c.graph
	address.Path = "/" + version + resource
	address.RawQuery = query.Encode()
	request := abstractions.NewRequestInformation()
	request.Method = abstractions.GET
	request.SetUri(address)
	return request
}

// GetJSON asks for one document and decodes it. doing names it in messages: "read the
// tenant's policy". Its error is a *Failure or wraps that of ctx.
func (c *Client) GetJSON(ctx context.Context, doing string, request *abstractions.RequestInformation, into any) error {
	outgoing, err := native(ctx, c, request)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	got, err := c.ask(outgoing, c.paces.of(outgoing.URL))
	if err != nil {
		return retold(err, doing)
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		return &Failure{Doing: doing, Reason: watch.Unparsable, Status: got.status, Lasting: true, Text: "the answer is not what belongs there: " + said(err.Error()), Err: err}
	}
	return nil
}

// native is a request of the SDK as net/http sends it.
func native(ctx context.Context, client *Client, information *abstractions.RequestInformation) (*http.Request, error) {
	if information.PathParameters["baseurl"] == "" {
		information.PathParameters["baseurl"] = client.BaseURL("v1.0")
	}
	address, err := information.GetUri()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, information.Method.String(), address.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	for _, name := range information.Headers.ListKeys() {
		request.Header.Del(name)
		for _, value := range information.Headers.Get(name) {
			request.Header.Add(name, value)
		}
	}
	return request, nil
}

// retold says what was being done in the caller's words, unless it was the sign-in that
// failed, which says so itself.
func retold(err error, doing string) error {
	failure, ok := errors.AsType[*Failure](err)
	switch cause := errors.Unwrap(err); {
	case !ok && cause != nil:
		return fmt.Errorf("%s: %w", doing, cause)
	case !ok:
		return fmt.Errorf("%s: %w", doing, err)
	case strings.HasPrefix(failure.Doing, signingIn):
		return err
	}
	again := *failure
	again.Doing = doing
	return &again
}
