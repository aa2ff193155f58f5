package msgraph

import (
	"io"
	"net/http"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// BenchmarkPage reads one full page of applications with two secrets each, as a walk does
// after the network.
func BenchmarkPage(b *testing.B) {
	server := tenant(b, many(1200))
	client := newWorld().open(b, at(b, server))
	token, err := client.gate.take(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, client.BaseURL("v1.0")+"/applications?$top=999&$select=id,appId,displayName,passwordCredentials,keyCredentials", nil)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.wire.transport.RoundTrip(request)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	listing := Listing[models.Applicationable]{Read: Model[models.Applicationable](models.CreateApplicationFromDiscriminatorValue)}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		read, failure := readPage(answer{status: http.StatusOK, body: body})
		if failure != nil {
			b.Fatal(failure)
		}
		seen := 0
		if err := listing.items(*read.Value, func(models.Applicationable) error { seen++; return nil }, func([]byte, error) {}); err != nil || seen != 999 {
			b.Fatal(seen, err)
		}
	}
}
