package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openrdap/rdap/bootstrap"

	"lapsewatch/internal/holdoff"
	"lapsewatch/internal/webclient"
	"lapsewatch/watch"
)

const (
	// fresh is how long the address of a service is taken to be right.
	fresh = 24 * time.Hour
	// usable is how long it is used where the list cannot be read.
	usable = 90 * 24 * time.Hour
	// clockMayBeAhead is how far ahead of now what is remembered may lie.
	clockMayBeAhead = 5 * time.Minute
)

// directory finds the RDAP services of domains by IANA's list (RFC 9224), which is read at
// most once a pass, and not at all while what is remembered of it is fresh.
type directory struct {
	*pass
	read  bool
	list  *bootstrap.DNSRegistry
	err   error
	known map[string]listing
	told  bool
}

// listing is what is remembered of the list for one zone.
type listing struct {
	// Base is the base URL of the service; empty if there is none.
	Base   string    `json:"base"`
	ReadAt time.Time `json:"read_at"`
}

// service is the base URL of the service that knows a domain; empty if none is listed.
func (d *directory) service(ctx context.Context, a asked) (string, error) {
	zone := parent(a.ascii)
	if found, ok := d.known[zone]; ok {
		return found.Base, nil
	}
	key := "rdap-service:" + holdoff.Digest([]byte(d.options.BootstrapURL), []byte(zone))
	found, remembered := d.recall(ctx, key)
	age := d.env.Now().Sub(found.ReadAt)
	if !remembered || age > fresh {
		d.load(ctx)
		switch {
		case d.err == nil:
			found = listing{Base: d.lookup(a.ascii), ReadAt: d.env.Now().UTC()}
			d.remember(ctx, key, found)
		case !remembered || age > usable:
			return "", d.err
		case !d.told:
			d.told = true
			d.sink(watch.Remark{Text: fmt.Sprintf("%s, so that the addresses of %s were used", d.err, found.ReadAt.Format(time.DateOnly))})
		}
	}
	if d.known == nil {
		d.known = map[string]listing{}
	}
	d.known[zone] = found
	return found.Base, nil
}

func (d *directory) load(ctx context.Context) {
	if d.read {
		return
	}
	d.read = true
	request := webclient.Request{URL: d.options.BootstrapURL, Header: http.Header{"Accept": {"application/json"}}}
	answer, err := d.client.Get(ctx, request)
	switch {
	case err != nil:
		d.err = err
	case answer.Status != http.StatusOK:
		d.err = d.client.Refusal(request, answer, "")
	default:
		if d.list, err = bootstrap.NewDNSRegistry(answer.Body); err != nil || len(d.list.File().Entries) == 0 {
			d.err = fmt.Errorf("%s: %w", webclient.Doing(http.MethodGet, d.options.BootstrapURL), errList)
		}
	}
}

var errList = errors.New("the answer is no list of RDAP services (RFC 9224)")

// lookup gives the first service with https: what is read by http anybody on the way can
// change.
func (d *directory) lookup(ascii string) string {
	answer, err := d.list.Lookup(&bootstrap.Question{RegistryType: bootstrap.DNS, Query: ascii})
	if err != nil {
		return ""
	}
	for _, address := range answer.URLs {
		if base := baseURL(address); base != "" {
			return base
		}
	}
	return ""
}

const maxBase = 500

func baseURL(address *url.URL) string {
	if !askable(address.String()) || len(address.String()) > maxBase {
		return ""
	}
	return slashed(address.String())
}

func slashed(base string) string { return strings.TrimSuffix(base, "/") + "/" }

// recall gives what is remembered, if it can be right.
func (d *directory) recall(ctx context.Context, key string) (listing, bool) {
	value, err := d.env.Memory.Recall(ctx, key)
	if err != nil {
		d.env.Log.Warn("recall the address of an RDAP service", "error", err)
		return listing{}, false
	}
	var found listing
	if len(value) == 0 || json.Unmarshal(value, &found) != nil {
		return listing{}, false
	}
	plausible := found.Base == "" || askable(found.Base)
	return found, plausible && found.ReadAt.Sub(d.env.Now()) <= clockMayBeAhead
}

func (d *directory) remember(ctx context.Context, key string, found listing) {
	value, err := json.Marshal(found)
	if err == nil {
		err = d.env.Memory.Remember(ctx, key, value)
	}
	if err != nil {
		d.env.Log.Warn("remember the address of an RDAP service", "error", err)
	}
}
