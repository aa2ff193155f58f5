package mailflow

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

func TestANewSecretOfAnApplicationIsAnotherCredential(t *testing.T) {
	secret := "one"
	p := &pass{env: checks.Env{Secrets: func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(secret), nil }}}
	how := msgraph.SignIn{Tenant: "example.com", ClientID: "11111111-2222-4333-8444-555555555555", Secret: watch.SecretRef{Env: "APP"}}
	first := p.signInMark(how)
	if !bytes.Equal(first, p.signInMark(how)) {
		t.Error("the same secret is another one")
	}
	if secret = "two"; bytes.Equal(first, p.signInMark(how)) {
		t.Error("another secret is the same")
	}
}

func TestWhatIsRememberedOfAFlowFitsTheMemory(t *testing.T) {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	kept := &record{Last: &seen{ID: fuzzID, Sent: now.UnixMilli(), Folder: strings.Repeat("ö", maxName)}}
	for range mostOut {
		kept.Out = append(kept.Out, canary{ID: fuzzID, Sent: now.UnixMilli(), Looked: now.UnixMilli(), Taken: now.UnixMilli(), Unsure: true})
		kept.Lost = append(kept.Lost, fuzzID)
	}
	for range mostOut + maxKeep {
		kept.Left, kept.Past = append(kept.Left, fuzzID), append(kept.Past, fuzzID)
	}
	value, err := kept.written()
	if err != nil || len(value) > maxRecord {
		t.Fatalf("%d bytes, %v", len(value), err)
	}
	var read record
	if err := json.Unmarshal(value, &read); err != nil || len(read.Out) != mostOut || read.Last == nil || readRecord(value, now) == nil {
		t.Errorf("read %+v, %v", read, err)
	}
}
