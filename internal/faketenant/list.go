package faketenant

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
)

// listing is a collection as one request sees it.
type listing[T any] struct {
	context string
	count   int
	at      func(index int) *T
	// writer writes an object as the query wants it.
	writer func(query) (func([]byte, *T) []byte, error)
	// fits says whether an object satisfies a condition, of those named in filters.
	fits    func(*T, condition) bool
	filters []string
}

// flushAt is how much of a page is gathered before it is sent.
const flushAt = 64 << 10

// serveList answers one page.
func serveList[T any](t *Tenant, w http.ResponseWriter, r *http.Request, l listing[T]) {
	q, err := readQuery(r)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	appendOne, err := l.writer(q)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	conditions, err := readFilter(q, l.filters)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	if slices.Contains(q.selected, "keyCredentials") && t.throttled(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	b := appendString([]byte(`{"@odata.context":`), t.GraphURL+"/v1.0/$metadata#"+l.context)
	if q.count && q.page == 1 {
		b = strconv.AppendInt(append(b, `,"@odata.count":`...), int64(l.total(conditions)), 10)
	}
	b = append(b, `,"value":[`...)
	index := q.index
	for written := 0; index < l.count && written < q.top; index++ {
		object := l.at(index)
		if !l.wanted(object, conditions) {
			continue
		}
		if written > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, object)
		written++
		if len(b) > flushAt {
			if _, err := w.Write(b); err != nil {
				return // the client left
			}
			b = b[:0]
		}
	}
	b = append(b, ']')
	if index = l.next(index, conditions); index < l.count {
		b = appendString(append(b, `,"@odata.nextLink":`...), t.nextLink(r, q, index))
	}
	_, _ = w.Write(append(b, '}')) // a client that left needs no answer
}

// objects says what a type is called and which properties and relationships it has.
type objects[T any] struct {
	typeName   string
	odataType  func(*T) string
	properties []property[T]
	expansions []property[T]
}

// writer writes the properties selected and the relationship expanded.
func (o objects[T]) writer(q query) (func([]byte, *T) []byte, error) {
	properties, err := choose(o.properties, q.selected, o.typeName)
	if err != nil {
		return nil, err
	}
	if q.expand != "" {
		at := slices.IndexFunc(o.expansions, func(p property[T]) bool { return p.name == q.expand })
		if at < 0 {
			return nil, unknownProperty(q.expand, o.typeName)
		}
		properties = append(slices.Clip(properties), o.expansions[at])
	}
	return func(b []byte, object *T) []byte {
		return appendObject(b, o.odataType(object), object, properties)
	}, nil
}

func (l listing[T]) wanted(object *T, anyOf []condition) bool {
	return len(anyOf) == 0 || slices.ContainsFunc(anyOf, func(c condition) bool { return l.fits(object, c) })
}

// next is the first wanted object from index on, or the count.
func (l listing[T]) next(index int, conditions []condition) int {
	for index < l.count && len(conditions) > 0 && !l.wanted(l.at(index), conditions) {
		index++
	}
	return index
}

func (l listing[T]) total(conditions []condition) (total int) {
	if len(conditions) == 0 {
		return l.count
	}
	for index := range l.count {
		if l.wanted(l.at(index), conditions) {
			total++
		}
	}
	return total
}

// serveOne answers with a single object.
func serveOne[T any](t *Tenant, w http.ResponseWriter, r *http.Request, l listing[T], object *T) {
	q, err := readQuery(r)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	appendOne, err := l.writer(q)
	if err != nil {
		t.refuseQuery(w, r, err)
		return
	}
	b := appendString([]byte(`{"@odata.context":`), t.GraphURL+"/v1.0/$metadata#"+l.context+"/$entity")
	b = append(b, ',')
	b = append(b, appendOne(nil, object)[1:]...)
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	_, _ = w.Write(b) // a client that left needs no answer
}

func (t *Tenant) refuseQuery(w http.ResponseWriter, r *http.Request, err error) {
	code, message := "BadRequest", err.Error()
	if bad, ok := errors.AsType[*badQuery](err); ok {
		code = bad.code
	}
	t.refuseGraph(w, r, http.StatusBadRequest, code, message)
}

func untyped[T any](*T) string { return "" }
