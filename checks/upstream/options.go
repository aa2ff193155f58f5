package upstream

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// Options are the options of a `kind: upstream` check.
type Options struct {
	Upstreams  []Upstream     `yaml:"upstreams" jsonschema:"required,minItems=1" jsonschema_description:"the providers to watch"`
	GoodReads  int            `yaml:"good_reads,omitempty" jsonschema:"minimum=1,maximum=100" jsonschema_description:"how many better reads in a row, one a pass, it takes until a provider is called better than it was; default 3"`
	StaleAfter watch.Duration `yaml:"stale_after,omitempty" jsonschema_description:"how old a page with an open incident may be and still prove that anything is well, such as 3d (the default)"`
	Timeout    watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"limit of one request; default: that of all checks"`
	MaxBytes   int64          `yaml:"max_bytes,omitempty" jsonschema:"minimum=1024,maximum=16777216" jsonschema_description:"the largest answer that is read, in bytes, unpacked; default 4194304"`
	CAFile     string         `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
}

// Upstream is one provider, or the part of one that is depended on.
type Upstream struct {
	entry.Entry `yaml:",inline"`
	Sources     []Source `yaml:"sources" jsonschema:"required,minItems=1,maxItems=5" jsonschema_description:"where its status is read; it is well only if all of them say so"`
	Components  []string `yaml:"components,omitempty" jsonschema_description:"names or IDs of the components (of Azure, services) that count; default: all"`
	Regions     []string `yaml:"regions,omitempty" jsonschema_description:"Azure regions that count, as Microsoft writes them, such as West Europe; default: all"`
	GoodReads   int      `yaml:"good_reads,omitempty" jsonschema:"minimum=1,maximum=100" jsonschema_description:"that of this provider; default: that of the check"`
}

// SourceKind is how a source publishes status.
type SourceKind string

// The kinds of sources.
const (
	Statuspage  SourceKind = "statuspage"
	AzureRSS    SourceKind = "azure_rss"
	AzureHealth SourceKind = "azure_health"
	Feed        SourceKind = "feed"
	IncidentIO  SourceKind = "incidentio"
	Instatus    SourceKind = "instatus"
)

// Source is one place where a provider says how it is.
type Source struct {
	Kind        SourceKind     `yaml:"kind" jsonschema:"required,enum=statuspage,enum=azure_rss,enum=azure_health,enum=feed,enum=incidentio,enum=instatus" jsonschema_description:"how it publishes status"`
	URL         string         `yaml:"url,omitempty" jsonschema_description:"https URL of the status page or feed; azure_rss and azure_health have a default"`
	Title       string         `yaml:"title,omitempty" jsonschema_description:"the title that the feed must have, for feed and azure_rss; default of azure_rss: Azure Status"`
	EmptyIsWell bool           `yaml:"empty_is_well,omitempty" jsonschema_description:"for feed: one without items means that all is well; needs title"`
	ItemsFor    watch.Duration `yaml:"items_for,omitempty" jsonschema_description:"for feed: an item that is older than this is taken to be over, such as 14d; default: none is"`
	Azure       *Azure         `yaml:"azure,omitempty" jsonschema_description:"for azure_health: whose events, and how to sign in"`
}

// Azure says how to ask Azure Service Health.
type Azure struct {
	msgraph.SignIn `yaml:",inline"`

	Subscription string `yaml:"subscription" jsonschema:"required" jsonschema_description:"ID of the subscription whose events count"`
}

const (
	defaultGoodReads = 3
	mostGoodReads    = 100
	defaultStale     = 3 * 24 * time.Hour
	longest          = 3660 * 24 * time.Hour
	longestTimeout   = 5 * time.Minute
	defaultMaxBytes  = 4 << 20
	leastMaxBytes    = 1 << 10
	mostMaxBytes     = 16 << 20
	maxSources       = 5
	maxNames         = 200
	maxName          = 200
	maxURL           = 2000
)

func defaults() Options {
	return Options{GoodReads: defaultGoodReads, StaleAfter: watch.Duration(defaultStale), MaxBytes: defaultMaxBytes}
}

var (
	errNothing   = errors.New("there is nothing to watch: give at least one provider")
	errGoodReads = fmt.Errorf("want 1 to %d", mostGoodReads)
	errLong      = fmt.Errorf("want no more than %d days", longest/(24*time.Hour))
	errTimeout   = fmt.Errorf("want 1ms to %s", longestTimeout)
	errBytes     = fmt.Errorf("want %d to %d", leastMaxBytes, mostMaxBytes)
	errName      = fmt.Errorf("want a name of 1 to %d characters that can be seen", maxName)
)

// Validate reports what cannot be watched, each with its place.
func (o Options) Validate() error {
	faults := entry.ListFaults("upstreams", o.Upstreams)
	wrong := func(path string, err error) {
		if err != nil {
			faults = append(faults, &watch.FieldError{Path: path, Err: err})
		}
	}
	if len(o.Upstreams) == 0 {
		wrong("upstreams", errNothing)
	}
	if o.GoodReads < 1 || o.GoodReads > mostGoodReads {
		wrong("good_reads", errGoodReads)
	}
	if o.StaleAfter <= 0 || time.Duration(o.StaleAfter) > longest {
		wrong("stale_after", errLong)
	}
	if o.Timeout != 0 && (o.Timeout < watch.Duration(time.Millisecond) || time.Duration(o.Timeout) > longestTimeout) {
		wrong("timeout", errTimeout)
	}
	if o.MaxBytes < leastMaxBytes || o.MaxBytes > mostMaxBytes {
		wrong("max_bytes", errBytes)
	}
	for i, upstream := range o.Upstreams[:min(len(o.Upstreams), entry.MaxEntries)] {
		at := fmt.Sprintf("upstreams[%d]", i)
		upstream.check(at, wrong)
		for j, source := range upstream.Sources[:min(len(upstream.Sources), maxSources)] {
			if source.Kind == AzureHealth && source.URL != "" {
				wrong(fmt.Sprintf("%s.sources[%d].url", at, j), source.managementFault(o.CAFile != ""))
			}
		}
	}
	return errors.Join(faults...)
}

func (u Upstream) check(at string, wrong func(string, error)) {
	if u.GoodReads < 0 || u.GoodReads > mostGoodReads {
		wrong(at+".good_reads", errGoodReads)
	}
	if len(u.Sources) == 0 || len(u.Sources) > maxSources {
		wrong(at+".sources", fmt.Errorf("want 1 to %d sources", maxSources))
	}
	places := map[string]string{}
	for i, source := range u.Sources[:min(len(u.Sources), maxSources)] {
		here := fmt.Sprintf("%s.sources[%d]", at, i)
		source.check(here, wrong)
		if first, twice := places[source.key()]; twice {
			wrong(here, fmt.Errorf("repeats %s: one place read twice is one vantage point", first))
			continue
		}
		places[source.key()] = here
	}
	u.checkNames(at+".components", u.Components, []SourceKind{Statuspage, IncidentIO, AzureHealth}, wrong)
	u.checkNames(at+".regions", u.Regions, []SourceKind{AzureRSS, AzureHealth}, wrong)
	for i, region := range u.Regions[:min(len(u.Regions), maxNames)] {
		wrong(fmt.Sprintf("%s.regions[%d]", at, i), regionFault(region))
	}
}

// checkNames refuses names that no source heeds: whoever gives them believes that nothing
// else counts.
func (u Upstream) checkNames(at string, names []string, heeding []SourceKind, wrong func(string, error)) {
	if len(names) > maxNames {
		wrong(at, fmt.Errorf("%d names are more than %d", len(names), maxNames))
	}
	for i, name := range names[:min(len(names), maxNames)] {
		if strings.TrimSpace(name) == "" || clean.Text(name, maxName) != name {
			wrong(fmt.Sprintf("%s[%d]", at, i), errName)
		}
	}
	if len(names) > 0 && !slices.ContainsFunc(u.Sources, func(s Source) bool { return slices.Contains(heeding, s.Kind) }) {
		wrong(at, fmt.Errorf("none of its sources heeds them: only those of kind %s do", listed(heeding)))
	}
}

func listed(kinds []SourceKind) string {
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = string(kind)
	}
	return strings.Join(words, ", ")
}

func (s Source) check(at string, wrong func(string, error)) {
	form, known := forms()[s.Kind]
	if !known {
		wrong(at+".kind", fmt.Errorf("%q is not known; want statuspage, azure_rss, azure_health, feed, incidentio or instatus", clean.Text(string(s.Kind), maxName)))
		return
	}
	if s.URL != "" || form.standard == "" {
		wrong(at+".url", addressFault(s.URL, form.query))
	}
	if s.Title != "" && clean.Text(s.Title, maxName) != s.Title {
		wrong(at+".title", errName)
	}
	for key, given := range map[string]bool{"title": s.Title != "", "empty_is_well": s.EmptyIsWell, "items_for": s.ItemsFor != 0, "azure": s.Azure != nil} {
		if given && !slices.Contains(form.keys, key) {
			wrong(at+"."+key, fmt.Errorf("a source of kind %s has no use for it", s.Kind))
		}
	}
	if s.EmptyIsWell && s.Title == "" {
		wrong(at+".empty_is_well", errors.New("it needs title: an empty feed that may be any feed proves nothing"))
	}
	if s.ItemsFor < 0 || time.Duration(s.ItemsFor) > longest {
		wrong(at+".items_for", errLong)
	}
	if s.Kind == AzureHealth {
		s.Azure.check(at+".azure", wrong)
	}
}

func (a *Azure) check(at string, wrong func(string, error)) {
	if a == nil {
		wrong(at, errors.New("it is missing: want subscription, tenant and how to sign in"))
		return
	}
	if !guid.MatchString(a.Subscription) {
		wrong(at+".subscription", errors.New("want the ID of a subscription, which is a GUID"))
	}
	below(at, a.Validate(), wrong)
}

// below hands on joined faults with the place that they have here.
func below(at string, err error, wrong func(string, error)) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what errors.Join made, not what it wraps
		for _, each := range joined.Unwrap() {
			below(at, each, wrong)
		}
		return
	}
	if fault, ok := errors.AsType[*watch.FieldError](err); ok {
		wrong(at+"."+fault.Path, fault.Err)
	} else if err != nil {
		wrong(at, err)
	}
}

// key tells sources apart.
func (s Source) key() string {
	subscription := ""
	if s.Azure != nil {
		subscription = strings.ToLower(s.Azure.Subscription)
	}
	return string(s.Kind) + " " + s.address() + " " + subscription
}

// host is what people call it; a path or query may hold a secret.
func (s Source) host() string {
	address, err := url.Parse(s.address())
	if err != nil {
		return string(s.Kind)
	}
	return clean.Text(address.Host, maxName)
}

// goodReads is what applies to an upstream.
func (o Options) goodReads(u Upstream) int {
	if u.GoodReads > 0 {
		return u.GoodReads
	}
	return o.GoodReads
}
