package entra

import (
	"errors"
	"fmt"
	"iter"
	"net/mail"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lapsewatch/watch"
)

// Filter matches applications and service principals: all that it names must fit.
type Filter struct {
	Tag   string `yaml:"tag,omitempty" jsonschema_description:"a tag that the application or service principal has"`
	Name  string `yaml:"name,omitempty" jsonschema_description:"glob of display names, such as crm-*, in whatever case"`
	AppID string `yaml:"app_id,omitempty" jsonschema_description:"the application (client) ID"`
}

var (
	errEmptyFilter = errors.New("name at least one of tag, name and app_id")
	errBadGlob     = errors.New("is not a well-formed glob")
	errNoGUID      = errors.New("is no application ID: want a GUID such as 1b2c3d4e-0000-4000-8000-000000000000")
)

// problems are FieldErrors whose paths begin with the filter's own.
func (f Filter) problems(path string) []error {
	var found []error
	if f == (Filter{}) {
		found = append(found, &watch.FieldError{Path: path, Err: errEmptyFilter})
	}
	if f.Name != "" && !doublestar.ValidatePattern(spread(f.Name)) {
		found = append(found, &watch.FieldError{Path: path + ".name", Err: errBadGlob})
	}
	if f.AppID != "" && guid(f.AppID) == "" {
		found = append(found, &watch.FieldError{Path: path + ".app_id", Err: errNoGUID})
	}
	return found
}

func (f Filter) matches(h *holder) bool {
	if f.Tag != "" && !hasTag(h.tags, f.Tag) {
		return false
	}
	if f.AppID != "" && !strings.EqualFold(f.AppID, h.appID) {
		return false
	}
	if f.Name == "" {
		return true
	}
	matched, err := doublestar.Match(spread(f.Name), spread(h.name))
	return err == nil && matched
}

// spread makes a * cross slashes, which mean nothing in a display name, and case not count.
func spread(text string) string { return strings.ReplaceAll(strings.ToLower(text), "/", "\u2215") }

func anyMatches(filters []Filter, h *holder) bool {
	return slices.ContainsFunc(filters, func(f Filter) bool { return f.matches(h) })
}

// filters yields every filter with its place in the options.
func (o *Options) filters() iter.Seq2[string, Filter] {
	return func(yield func(string, Filter) bool) {
		for n, filter := range o.Include {
			if !yield(fmt.Sprintf("include[%d]", n), filter) {
				return
			}
		}
		for n, filter := range o.Exclude {
			if !yield(fmt.Sprintf("exclude[%d]", n), filter) {
				return
			}
		}
		for n, rule := range o.Owners {
			if !yield(fmt.Sprintf("owners[%d]", n), rule.Filter) {
				return
			}
		}
	}
}

// OwnerRule names who is told about applications whose owners Entra does not tell.
type OwnerRule struct {
	Filter `yaml:",inline"`
	To     []string `yaml:"to" jsonschema:"required,minItems=1" jsonschema_description:"mail addresses"`
}

func (r OwnerRule) problems(path string) []error {
	found := r.Filter.problems(path)
	if len(r.To) == 0 {
		found = append(found, &watch.FieldError{Path: path + ".to", Err: errors.New("name at least one mail address")})
	}
	return append(found, badAddresses(path+".to", r.To)...)
}

func badAddresses(path string, addresses []string) []error {
	var found []error
	for i, address := range addresses {
		if plainAddress(address) == "" {
			found = append(found, &watch.FieldError{Path: fmt.Sprintf("%s[%d]", path, i), Err: fmt.Errorf("%q is no mail address", address)})
		}
	}
	return found
}

// longestAddress is the limit of RFC 5321, 4.5.3.1.3, without its angle brackets.
const longestAddress = 254

// plainAddress is the mail address that text consists of, without display name or quotes;
// empty if it is none.
func plainAddress(text string) string {
	text = strings.TrimSpace(text)
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > longestAddress || strings.ContainsAny(text, "\"\\<>(),;:%! \r\n\t") {
		return ""
	}
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return ""
		}
	}
	return text
}
