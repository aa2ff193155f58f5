package upstream_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/checks/upstream"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestTheCheckKeepsItsContract(t *testing.T) {
	d, provider, server := page(t, rings())
	provider.Change(out)
	silent := serve(t, http.NotFoundHandler())
	d.options.CAFile = bundle(t, server, silent)
	d.options.Upstreams = append(d.options.Upstreams,
		upstream.Upstream{Entry: entry.Entry{Name: "Widgets"}, Sources: []upstream.Source{{Kind: upstream.IncidentIO, URL: server.URL}}},
		upstream.Upstream{Entry: entry.Entry{Name: "Silent"}, Sources: []upstream.Source{{Kind: upstream.Instatus, URL: silent.URL}}})
	checktest.Run(t, checktest.Case{Kind: upstream.Kind, Decode: checktest.Given(d.options), Env: d.env, Readable: 2, Unreadable: 1})
}

func TestATrialIsNoReadOfAPass(t *testing.T) {
	t.Parallel()
	d, provider, _ := page(t, rings())
	provider.Change(out)
	d.pass(t)
	provider.Change(over(start))
	check := checktest.Build(t, upstream.Kind, d.options, d.env)
	for range 5 {
		abilities := check.(watch.Trier).Try(t.Context())
		if len(abilities) != 1 || abilities[0].Err != nil || abilities[0].Name != "Rings" {
			t.Errorf("tried: %+v", abilities)
		}
	}
	checktest.WantWords(t, "told", words(d.pass(t)), "critical upstream_down: ", "1 of 3 positive reads")
}

func TestWhatCannotBeRememberedNeverMakesAProviderWell(t *testing.T) {
	t.Parallel()
	t.Run("a damaged memory", func(t *testing.T) {
		t.Parallel()
		for _, damage := range []string{"{", `{"grade":9}`, `{"grade":-1}`, `{"better":-5,"grade":2}`, `[]`} {
			d, provider, server := page(t, rings())
			provider.Change(out)
			d.pass(t)
			provider.Change(over(start))
			d.Damage(damage)
			const want = "unknown unreadable: could not be read: the provider says that all is well, but what earlier passes read is damaged; "
			wantWords(t, server, d.pass(t), want+"1 of 3 positive reads in a row so far")
			wantWords(t, server, d.pass(t), want+"2 of 3 positive reads in a row so far")
			wantWords(t, server, d.pass(t), "ok: the provider says that all is well")
		}
	})
	t.Run("a memory that cannot be read", func(t *testing.T) {
		t.Parallel()
		d, provider, server := page(t, rings())
		d.env.Memory = broken{recall: errors.New("disk failed")}
		wantWords(t, server, d.pass(t), "unknown unreadable: could not be read: how it was before could not be recalled: disk failed")
		provider.Change(out)
		checktest.WantWords(t, "told", words(d.pass(t)), "critical upstream_down: ")
	})
	t.Run("a memory that cannot be written", func(t *testing.T) {
		t.Parallel()
		d, provider, _ := page(t, rings())
		d.env.Memory = broken{remember: errors.New("disk full")}
		provider.Change(out)
		facts, remarks := checktest.ByID(t, checktest.Pass(t, checktest.Build(t, upstream.Kind, d.options, d.env)))
		checktest.WantWords(t, "told", words(facts["upstream/Rings"]), "critical upstream_down: ")
		checktest.Equal(t, "remarks", strings.Join(remarks, "; "), "how Rings is could not be kept for the next pass (disk full), which may call it well too early")
	})
}

// broken is a memory that fails.
type broken struct{ recall, remember error }

func (b broken) Recall(context.Context, string) ([]byte, error) { return nil, b.recall }
func (b broken) Remember(context.Context, string, []byte) error { return b.remember }

func TestGoodReadsMayDifferByProvider(t *testing.T) {
	t.Parallel()
	d, provider, _ := page(t, rings())
	d.options.Upstreams[0].GoodReads = 1
	provider.Change(out)
	d.pass(t)
	provider.Change(over(start))
	checktest.WantWords(t, "told", words(d.pass(t)), "ok: ")
}

func TestACutShortPassSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d, _, _ := page(t, rings(), vendortest.Manner{Answer: func(http.ResponseWriter, *http.Request, http.Handler) { cancel() }})
	check := checktest.Build(t, upstream.Kind, d.options, d.env)
	if err := check.Collect(ctx, func(fact watch.Fact) { t.Errorf("told %+v", fact) }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	checktest.Equal(t, "what is remembered", d.Kept(), 0)
}

func TestOptionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	first := func(o *upstream.Options) *upstream.Source { return &o.Upstreams[0].Sources[0] }
	healthy := &upstream.Azure{Subscription: subscription, SignIn: msgraph.SignIn{Tenant: "example.com", Method: msgraph.AzureCLI}}
	for name, c := range map[string]struct {
		change func(*upstream.Options)
		want   string
	}{
		"nothing is wrong":      {func(*upstream.Options) {}, ""},
		"no providers":          {func(o *upstream.Options) { o.Upstreams = nil }, "upstreams: there is nothing to watch: give at least one provider"},
		"a name twice":          {func(o *upstream.Options) { o.Upstreams = append(o.Upstreams, o.Upstreams[0]) }, `upstreams[1].name: "Rings" is the name of upstreams[0] too`},
		"no sources":            {func(o *upstream.Options) { o.Upstreams[0].Sources = nil }, "upstreams[0].sources: want 1 to 5 sources"},
		"too many sources":      {func(o *upstream.Options) { o.Upstreams[0].Sources = make([]upstream.Source, 6) }, "upstreams[0].sources: want 1 to 5 sources"},
		"one place twice":       {func(o *upstream.Options) { o.Upstreams[0].Sources = append(o.Upstreams[0].Sources, *first(o)) }, "upstreams[0].sources[1]: repeats upstreams[0].sources[0]: one place read twice is one vantage point"},
		"an unknown kind":       {func(o *upstream.Options) { first(o).Kind = "tarot" }, `upstreams[0].sources[0].kind: "tarot" is not known; want statuspage, azure_rss, azure_health, feed, incidentio or instatus`},
		"no URL":                {func(o *upstream.Options) { first(o).URL = "" }, "upstreams[0].sources[0].url: it is missing: want the https URL of the status page or feed"},
		"plain http":            {func(o *upstream.Options) { first(o).URL = "http://s.example.com" }, "upstreams[0].sources[0].url: want https://HOST: over http anybody on the way can say that all is well"},
		"a password":            {func(o *upstream.Options) { first(o).URL = "https://u:p@s.example.com" }, "upstreams[0].sources[0].url: it holds a user name or password"},
		"a query":               {func(o *upstream.Options) { first(o).URL = "https://s.example.com?x" }, "upstreams[0].sources[0].url: want nothing behind the path"},
		"no host":               {func(o *upstream.Options) { first(o).URL = "https:///x" }, "upstreams[0].sources[0].url: it names no host"},
		"no URL at all":         {func(o *upstream.Options) { first(o).URL = "https://%" }, "upstreams[0].sources[0].url: it cannot be parsed as a URL: want https://HOST"},
		"a title of a page":     {func(o *upstream.Options) { first(o).Title = "x" }, "upstreams[0].sources[0].title: a source of kind statuspage has no use for it"},
		"empty, of any feed":    {func(o *upstream.Options) { first(o).Kind, first(o).EmptyIsWell = upstream.Feed, true }, "upstreams[0].sources[0].empty_is_well: it needs title: an empty feed that may be any feed proves nothing"},
		"Azure without sign-in": {func(o *upstream.Options) { *first(o) = upstream.Source{Kind: upstream.AzureHealth} }, "upstreams[0].sources[0].azure: it is missing: want subscription, tenant and how to sign in"},
		"no subscription": {func(o *upstream.Options) {
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, Azure: &upstream.Azure{Subscription: "mine", SignIn: healthy.SignIn}}
		}, "upstreams[0].sources[0].azure.subscription: want the ID of a subscription, which is a GUID"},
		"no tenant": {func(o *upstream.Options) {
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, Azure: &upstream.Azure{Subscription: subscription}}
		}, "upstreams[0].sources[0].azure.tenant: it is missing: want the tenant's ID or one of its verified domains"},
		"Azure is in order":   {func(o *upstream.Options) { *first(o) = upstream.Source{Kind: upstream.AzureHealth, Azure: healthy} }, ""},
		"regions of no Azure": {func(o *upstream.Options) { o.Upstreams[0].Regions = []string{"West US"} }, "upstreams[0].regions: none of its sources heeds them: only those of kind azure_rss, azure_health do"},
		"a misspelt region": {func(o *upstream.Options) {
			first(o).Kind, o.Upstreams[0].Regions = upstream.AzureRSS, []string{"westeurope", "Europe West"}
		}, `upstreams[0].regions[1]: "Europe West" is no region of Azure that is known here (did you mean "West Europe"?); leave regions out where it is one that is new`},
		"a region with a typo": {func(o *upstream.Options) {
			first(o).Kind, o.Upstreams[0].Regions = upstream.AzureRSS, []string{"Norht Europe"}
		}, `upstreams[0].regions[0]: "Norht Europe" is no region of Azure that is known here (did you mean "North Europe"?); leave regions out where it is one that is new`},
		"a region of no planet": {func(o *upstream.Options) { first(o).Kind, o.Upstreams[0].Regions = upstream.AzureRSS, []string{"Mars"} }, `upstreams[0].regions[0]: "Mars" is no region of Azure that is known here; leave regions out where it is one that is new`},
		"a token to anybody": {func(o *upstream.Options) {
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, URL: "https://management.azure.com.example.com", Azure: healthy}
		}, "upstreams[0].sources[0].url: want https://management.azure.com, or leave it out: the token for Azure goes nowhere else"},
		"a token to another cloud": {func(o *upstream.Options) {
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, URL: "https://management.chinacloudapi.cn", Azure: healthy}
		}, "upstreams[0].sources[0].url: want https://management.azure.com, or leave it out: the token for Azure goes nowhere else"},
		"a token to this machine": {func(o *upstream.Options) {
			o.CAFile = "ca.pem"
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, URL: "https://127.0.0.1:8443", Azure: healthy}
		}, "upstreams[0].sources[0].url: want https://management.azure.com, or leave it out: the token for Azure goes nowhere else"},
		"a token to where it belongs": {func(o *upstream.Options) {
			*first(o) = upstream.Source{Kind: upstream.AzureHealth, URL: "https://management.azure.com/", Azure: healthy}
		}, ""},
		"components of a feed":    {func(o *upstream.Options) { first(o).Kind, o.Upstreams[0].Components = upstream.Feed, []string{"API"} }, "upstreams[0].components: none of its sources heeds them: only those of kind statuspage, incidentio, azure_health do"},
		"a component without one": {func(o *upstream.Options) { o.Upstreams[0].Components = []string{"a", " "} }, "upstreams[0].components[1]: want a name of 1 to 200 characters that can be seen"},
		"too many components": {func(o *upstream.Options) {
			o.Upstreams[0].Components = strings.Split(strings.Repeat("x,", 200)+"x", ",")
		}, "upstreams[0].components: 201 names are more than 200"},
		"no good reads":       {func(o *upstream.Options) { o.GoodReads = 0 }, "good_reads: want 1 to 100"},
		"too many good reads": {func(o *upstream.Options) { o.Upstreams[0].GoodReads = 101 }, "upstreams[0].good_reads: want 1 to 100"},
		"never stale":         {func(o *upstream.Options) { o.StaleAfter = watch.Duration(4000 * 24 * time.Hour) }, "stale_after: want no more than 3660 days"},
		"a long timeout":      {func(o *upstream.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want 1ms to 5m0s"},
		"a large answer":      {func(o *upstream.Options) { o.MaxBytes = 1 << 30 }, "max_bytes: want 1024 to 16777216"},
	} {
		d := newDesk("", upstream.Source{Kind: upstream.Statuspage, URL: "https://s.example.com"})
		c.change(&d.options)
		t.Run(name, func(t *testing.T) { checktest.WantRefusal(t, d.options.Validate(), c.want) })
	}
}
