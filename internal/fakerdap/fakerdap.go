// Package fakerdap is a registry of domains for tests that answers as RFC 9082 and RFC 9083
// say, together with IANA's list of such services (RFC 9224). Its objects are made after the
// example of RFC 9083, 5.3. It knows domains only, searches nothing, and limits no rate:
// package vendortest lets it misbehave.
package fakerdap

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// Bootstrap is the path of the list of services, and Base that of the registry.
	Bootstrap = "/rdap/dns.json"
	Base      = "/registry/"
)

// Domain is a registration.
type Domain struct {
	// Name is its A-label form: xn--bcher-kva.example.
	Name, Unicode string
	// Events lead from an eventAction to its eventDate.
	Events      map[string]string
	Status      []string
	Nameservers []string
	// Registrar and RegistrarID are the name and IANA's number of the registrar.
	Registrar, RegistrarID string
	Signed                 bool
}

// Registered is a registration in good order that holds from one day to another.
func Registered(name string, from, until time.Time) Domain {
	return Domain{
		Name: name,
		Events: map[string]string{
			"registration": from.UTC().Format(time.RFC3339), "expiration": until.UTC().Format(time.RFC3339),
			"last changed": "2025-01-14T07:01:38Z", "last update of RDAP database": "2026-11-22T05:59:00Z",
		},
		Status:      []string{"client delete prohibited", "client transfer prohibited"},
		Nameservers: []string{"ns1." + name, "ns2." + name},
		Registrar:   "Example Registrar, Inc.", RegistrarID: "9999", Signed: true,
	}
}

// Registry serves domains below /registry/, and lists itself for its top-level domains.
type Registry struct {
	// TLDs are those that it is listed for, and Elsewhere the base URLs of others.
	TLDs      []string
	Elsewhere map[string][]string

	mu      sync.Mutex
	domains map[string]Domain
}

// New makes a registry of the top-level domain example.
func New(domains ...Domain) *Registry {
	r := &Registry{TLDs: []string{"example"}, domains: map[string]Domain{}}
	for _, domain := range domains {
		r.Put(domain)
	}
	return r
}

// Put registers a domain, or changes it.
func (r *Registry) Put(domain Domain) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.domains[domain.Name] = domain
}

// Release deletes a domain.
func (r *Registry) Release(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.domains, name)
}

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name, isDomain := strings.CutPrefix(request.URL.Path, Base+"domain/")
	switch {
	case request.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case request.URL.Path == Bootstrap:
		r.bootstrap(w, request)
	case isDomain:
		r.domain(w, name)
	default:
		refuse(w, http.StatusBadRequest, "Bad Request")
	}
}

func (r *Registry) bootstrap(w http.ResponseWriter, request *http.Request) {
	services := [][][]string{{r.TLDs, {"https://" + request.Host + Base}}}
	for tld, urls := range r.Elsewhere {
		services = append(services, [][]string{{tld}, urls})
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, map[string]any{
		"description": "RDAP bootstrap file for Domain Name System registrations", "publication": "2026-11-21T00:00:00Z",
		"version": "1.0", "services": services,
	})
}

func (r *Registry) domain(w http.ResponseWriter, name string) {
	r.mu.Lock()
	domain, known := r.domains[strings.ToLower(name)]
	r.mu.Unlock()
	if !known {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	w.Header().Set("Content-Type", "application/rdap+json")
	write(w, domain.object())
}

// object is the object class of RFC 9083, 5.3.
func (d Domain) object() map[string]any {
	events := []any{}
	for action, date := range d.Events {
		events = append(events, map[string]any{"eventAction": action, "eventDate": date})
	}
	servers := []any{}
	for _, name := range d.Nameservers {
		servers = append(servers, map[string]any{"objectClassName": "nameserver", "ldhName": name})
	}
	object := map[string]any{
		"rdapConformance": []string{"rdap_level_0"}, "objectClassName": "domain", "handle": "XXXX", "ldhName": d.Name,
		"status": d.Status, "events": events, "nameservers": servers,
		"secureDNS": map[string]any{"zoneSigned": d.Signed, "delegationSigned": d.Signed},
	}
	if d.Unicode != "" {
		object["unicodeName"] = d.Unicode
	}
	if d.Registrar != "" {
		object["entities"] = []any{map[string]any{
			"objectClassName": "entity", "handle": d.RegistrarID, "roles": []string{"registrar"},
			"publicIds": []any{map[string]any{"type": "IANA Registrar ID", "identifier": d.RegistrarID}},
			"vcardArray": []any{"vcard", []any{
				[]any{"version", map[string]any{}, "text", "4.0"}, []any{"fn", map[string]any{}, "text", d.Registrar},
			}},
		}}
	}
	return object
}

// refuse answers with the error object of RFC 9083, 6.
func refuse(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "application/rdap+json")
	w.WriteHeader(status)
	write(w, map[string]any{"rdapConformance": []string{"rdap_level_0"}, "errorCode": status, "title": title, "description": []string{"by the fake registry"}})
}

func write(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) } // a client that left needs no answer
