package faketenant

import (
	"net/http/httptest"
	"testing"
)

// The server's cost of a page must stay below what a client needs to read it.
func BenchmarkAPageOf999GeneratedApplications(b *testing.B) {
	for name, each := range map[string]int{"2 secrets": 2, "12 secrets": 12} {
		b.Run(name, func(b *testing.B) {
			tenant := &Tenant{GraphURL: "https://127.0.0.1"}
			d := &Directory{Generated: Generated{Applications: 100_000, SecretsEach: each, From: now}}
			request := httptest.NewRequest("GET", "/v1.0/applications?$top=999", nil)
			for b.Loop() {
				page := httptest.NewRecorder()
				tenant.applications(page, request, d, "")
				b.SetBytes(int64(page.Body.Len()))
			}
		})
	}
}
