package faketenant

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPage = 100
	maxPage     = 999
	// maxExpanded is how much of a relationship $expand returns, without a next link.
	maxExpanded = 20
)

// query is what a list was asked for.
type query struct {
	top         int
	page, index int // where $skiptoken continues: the page's number from 1, the object's from 0
	selected    []string
	expand      string
	filter      string
	count       bool
	eventual    bool
}

// badQuery is a query that Graph refuses, with 400.
type badQuery struct{ code, message string }

func (b *badQuery) Error() string { return b.message }

func unsupported(words string) error {
	return &badQuery{"Request_UnsupportedQuery", words}
}

func readQuery(r *http.Request) (query, error) {
	values := r.URL.Query()
	q := query{
		top: defaultPage, page: 1, filter: values.Get("$filter"), count: values.Get("$count") == "true",
		eventual: strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual"),
	}
	if top := values.Get("$top"); top != "" {
		n, err := strconv.Atoi(top)
		if err != nil || n < 1 || n > maxPage {
			return q, &badQuery{"Request_BadRequest", fmt.Sprintf("Invalid page size specified: '%s'. Must be between 1 and 999 inclusive.", top)}
		}
		q.top = n
	}
	if chosen := values.Get("$select"); chosen != "" {
		q.selected = strings.Split(chosen, ",")
	}
	var err error
	if q.expand, err = readExpand(values.Get("$expand")); err != nil {
		return q, err
	}
	if token := values.Get("$skiptoken"); token != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(token)
		if _, scanned := fmt.Sscanf(string(decoded), "%d:%d", &q.page, &q.index); err != nil || scanned != nil || q.index < 0 {
			return q, &badQuery{"Request_BadRequest", "The provided skip token is not valid."}
		}
	}
	return q, nil
}

// readExpand takes one relationship, with or without options of its own in parentheses.
func readExpand(value string) (string, error) {
	name, _, _ := strings.Cut(value, "(")
	if strings.Contains(name, ",") || strings.Contains(value, "),") {
		return "", &badQuery{"Request_BadRequest", "Only one property can be expanded in a single query."}
	}
	return name, nil
}

// nextLink is the absolute address of the page that begins at index.
func (t *Tenant) nextLink(r *http.Request, q query, index int) string {
	values := url.Values{}
	for name, value := range r.URL.Query() {
		values[name] = value
	}
	values.Set("$skiptoken", base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d:%d", q.page+1, index)))
	return t.GraphURL + r.URL.Path + "?" + strings.ReplaceAll(values.Encode(), "%24", "$")
}

// condition is one term of a $filter: a property, or the number of owners, equal to a value.
type condition struct{ property, value string }

const ownerCount = "owners/$count"

var conditionForm = regexp.MustCompile(`^\s*([A-Za-z/$]+) eq (?:'([^']*)'|([0-9]+|true|false))\s*$`)

// readFilter reads terms joined by "or"; what else Graph filters by, the fake does not know.
func readFilter(q query, known []string) ([]condition, error) {
	if q.filter == "" {
		return nil, nil
	}
	var conditions []condition
	for term := range strings.SplitSeq(q.filter, " or ") {
		parts := conditionForm.FindStringSubmatch(term)
		if parts == nil || !slices.Contains(known, parts[1]) {
			return nil, unsupported("Unsupported or invalid query filter clause specified for property.")
		}
		if parts[1] == ownerCount && (!q.eventual || !q.count) {
			return nil, unsupported("Request with $filter on $count of a relationship requires $count=true in the query and 'ConsistencyLevel: eventual' in the header.")
		}
		conditions = append(conditions, condition{parts[1], parts[2] + parts[3]})
	}
	return conditions, nil
}

// choose keeps the selected properties in their own order; none selected is all.
func choose[T any](all []property[T], selected []string, typeName string) ([]property[T], error) {
	if len(selected) == 0 {
		return all, nil
	}
	for _, name := range selected {
		if !slices.ContainsFunc(all, func(p property[T]) bool { return p.name == name }) {
			return nil, unknownProperty(name, typeName)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p property[T]) bool { return !slices.Contains(selected, p.name) }), nil
}

func unknownProperty(name, typeName string) error {
	return &badQuery{"BadRequest", fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", name, typeName)}
}
