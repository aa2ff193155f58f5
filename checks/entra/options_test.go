package entra

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

func TestWrongOptionsAreNamedWithTheirPlace(t *testing.T) {
	valid := func() Options {
		options := defaults()
		options.SignIn = msgraph.SignIn{Tenant: "contoso.onmicrosoft.com"}
		return options
	}
	if err := valid().Validate(); err != nil {
		t.Fatalf("the least options are refused: %v", err)
	}
	for _, row := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no tenant", func(o *Options) { o.Tenant = "" }, "tenant: it is missing: want the tenant's ID or one of its verified domains"},
		{"an empty filter", func(o *Options) { o.Include = []Filter{{}} }, "include[0]: name at least one of tag, name and app_id"},
		{"a glob that is none", func(o *Options) { o.Exclude = []Filter{{Name: "a"}, {Name: "[a"}} }, "exclude[1].name: is not a well-formed glob"},
		{"an ID that is none", func(o *Options) { o.Include = []Filter{{AppID: "crm"}} }, "include[0].app_id: is no application ID: want a GUID such as 1b2c3d4e-0000-4000-8000-000000000000"},
		{"owners for nothing", func(o *Options) { o.Owners = []OwnerRule{{To: []string{"a@example.com"}}} }, "owners[0]: name at least one of tag, name and app_id"},
		{"nobody to tell", func(o *Options) { o.Owners = []OwnerRule{{Filter: Filter{Tag: "a"}}} }, "owners[0].to: name at least one mail address"},
		{"no address", func(o *Options) { o.Owners = []OwnerRule{{Filter{Tag: "a"}, []string{"a@example.com", "Bob"}}} }, `owners[0].to[1]: "Bob" is no mail address`},
		{"no fallback address", func(o *Options) { o.FallbackOwners = []string{"Team <a@example.com>"} }, `fallback_owners[0]: "Team <a@example.com>" is no mail address`},
		{"a life of hours", func(o *Options) { o.MaxLife = 3600e9 }, "max_life: 1h0m0s is less than a day"},
		{"no time at all", func(o *Options) { o.UnusedAfter = 0 }, "unused_after: 0s is less than a day"},
		{"a list without end", func(o *Options) { o.Include = slices.Repeat([]Filter{{Tag: "a"}}, 1001) }, "include: 1001 entries are more than 1000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			options := valid()
			row.change(&options)
			err := options.Validate()
			if err == nil {
				t.Fatal("they are accepted")
			}
			equal(t, "error", err.Error(), row.want)
			path, _, _ := strings.Cut(row.want, ": ")
			joined, ok := err.(interface{ Unwrap() []error })
			if !ok || !slices.ContainsFunc(joined.Unwrap(), func(one error) bool {
				fault, ok := errors.AsType[*watch.FieldError](one)
				return ok && fault.Path == path
			}) && path != "tenant" {
				t.Errorf("no FieldError leads to %s", path)
			}
		})
	}
}
