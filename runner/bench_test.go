package runner

import (
	"fmt"
	"testing"

	"lapsewatch/policy"
)

// BenchmarkFindings measures what a subject costs between check and report: judging,
// keeping, sorting and reading back once.
func BenchmarkFindings(b *testing.B) {
	for _, subjects := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("%d subjects", subjects), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				kept := newResults()
				for i := range subjects {
					fact := certificate(fmt.Sprintf("/etc/ssl/site-%06d/fullchain.pem#1", i), 1+i%700)
					fact.Identity = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
					fact.Details = map[string]any{
						"path": fact.Subject.ID, "format": "PEM", "subject": "CN=site", "issuer": "CN=Issuing CA 1,O=Example",
						"serial": "03a1b2c3d4e5f60718", "dns_names": []string{"site.example.com", "www.site.example.com"},
					}
					finding := policy.Judge{}.Finding(policy.Origin{Check: "files", Kind: "certfiles"}, fact, now)
					kept.add(finding, kept.encode(finding))
				}
				count := 0
				for _, err := range kept.all() {
					if err != nil {
						b.Fatal(err)
					}
					count++
				}
				if count != subjects {
					b.Fatalf("%d findings of %d", count, subjects)
				}
				if err := kept.close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(subjects), "ns/subject")
		})
	}
}
