package entra

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/internal/pki"
	"lapsewatch/watch"
)

func TestTheOwnSecretIsFoundByItsHint(t *testing.T) {
	s := begin(t, faketenant.Directory{})
	s.tenant.Change(func(d *faketenant.Directory) {
		own := &d.Applications[0]
		another := own.PasswordCredentials[0]
		another.KeyID, another.SecretText = keyIDOf(1), "wdg~another"
		own.PasswordCredentials = append(slices.Clone(own.PasswordCredentials), another, secret(2, "other", days(100)))
	})
	told := s.collect(t)
	for key, want := range map[string]bool{watchdogKey: true, keyIDOf(1): true, keyIDOf(2): false} {
		credential := told.of(t, watchdogApp+"/"+key)
		equal(t, "self of "+key, credential.Self, want)
		equal(t, "label of "+key, credential.Subject.Labels["self"], map[bool]string{true: "true"}[want])
	}
	own := told.of(t, watchdogApp+"/"+watchdogKey)
	equal(t, "owners, though it ends in half a year", own.Subject.Owners, []string{"wanda@example.com"})
	placed := strings.Index(own.Remedy, "Put it where this check's options refer to: Lapsewatch itself signs in with it.")
	if removed := strings.Index(own.Remedy, "credential delete"); placed < 0 || removed < placed {
		t.Errorf("the old one is deleted before the new one is in place: %q", own.Remedy)
	}
	equal(t, "remarks", len(told.remarks), 0)
}

func TestAHintMakesNoSecretOfAnotherApplicationItsOwn(t *testing.T) {
	another := secret(1, "main", days(100))
	another.Hint = watchdogSecret[:3]
	told := begin(t, faketenant.Directory{Applications: []faketenant.Application{application(1, "crm", another)}}).collect(t)
	equal(t, "self of the other's", told.of(t, appID(1)+"/"+keyIDOf(1)).Self, false)
	equal(t, "self of its own", told.of(t, watchdogApp+"/"+watchdogKey).Self, true)
}

func TestAListThatCannotBeReadIsNoSignThatItsOwnSecretIsMissing(t *testing.T) {
	s := begin(t, faketenant.Directory{})
	s.tenant.Misbehave(faketenant.Manner{On: "/applications", Times: faketenant.Always, Answer: faketenant.Reply(403, "application/json", `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges."}}`)})
	told := s.collect(t)
	if len(told.problems) == 0 || slices.ContainsFunc(told.remarks, func(text string) bool { return strings.Contains(text, "was not found") }) {
		t.Errorf("problems %v, remarks %q", told.problems, told.remarks)
	}
}

func TestTheOwnCertificateIsFoundByItsThumbprint(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	// The client judges its own certificate by the real clock.
	pair, err := pki.SelfSigned(pki.Spec{CommonName: "lapsewatch", Key: key, NotBefore: days(-100), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Cert.Raw})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	for _, listed := range []bool{true, false} {
		s := begin(t, faketenant.Directory{}, func(o *Options) {
			o.Method, o.Secret, o.Certificate = msgraph.ClientCert, watch.SecretRef{}, watch.SecretRef{Env: "WATCHDOG"}
		})
		s.check.env.Secrets = func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(bundle), nil }
		s.tenant.Change(func(d *faketenant.Directory) {
			registered := faketenant.Certificate(keyIDOf(1), pair.Cert)
			if !listed {
				registered.CustomKeyIdentifier = ""
			}
			d.Applications[0].KeyCredentials = []faketenant.KeyCredential{registered}
		})
		told := s.collect(t)
		equal(t, "self", told.of(t, watchdogApp+"/"+keyIDOf(1)).Self, listed)
		equal(t, "the secret", told.of(t, watchdogApp+"/"+watchdogKey).Self, false)
		if !listed {
			equal(t, "remarks", told.remarks, []string{
				"the certificate that Lapsewatch itself signs in with was not found at application " + watchdogApp + " in this tenant",
			})
			own := told.of(t, watchdogApp+"/own-certificate")
			equal(t, "the end of the one in hand", own.NotAfter, pair.Cert.NotAfter.UTC())
			equal(t, "self of the one in hand", own.Self, true)
		}
	}
}

func TestAnOwnSecretWithoutHintIsToldAllTheSame(t *testing.T) {
	for hint, self := range map[string]bool{"": true, "zzz": false} {
		s := begin(t, faketenant.Directory{})
		s.tenant.Change(func(d *faketenant.Directory) {
			secrets := slices.Clone(d.Applications[0].PasswordCredentials)
			secrets[0].Hint = hint
			d.Applications[0].PasswordCredentials = secrets
		})
		told := s.collect(t)
		equal(t, "self with the hint "+hint, told.of(t, watchdogApp+"/"+watchdogKey).Self, self)
		var remarks []string
		if !self {
			remarks = []string{"the secret that Lapsewatch itself signs in with was not found at application " + watchdogApp + " in this tenant"}
		}
		equal(t, "remarks with the hint "+hint, told.remarks, remarks)
	}
}

// lastingMemory is what a ledger keeps over runs.
func lastingMemory(c *Check) *Check {
	fresh := *c
	fresh.env.Memory = checks.Forgetful()
	return &fresh
}

func TestF11_AnExpiredOwnSecretIsToldAndTriedOnlyOnce(t *testing.T) {
	s := begin(t, faketenant.Directory{})
	s.check = lastingMemory(s.check)
	s.tenant.Change(func(d *faketenant.Directory) {
		secrets := slices.Clone(d.Applications[0].PasswordCredentials)
		secrets[0].EndDateTime = faketenant.At(days(-1))
		d.Applications[0].PasswordCredentials = secrets
	})
	for pass := range 3 {
		told, err := s.collectErr(t.Context())
		if len(told.credentials)+len(told.problems) > 0 {
			t.Errorf("pass %d told of something", pass)
		}
		failed, ok := errors.AsType[*watch.SourceError](err)
		if !ok {
			t.Fatalf("pass %d ended with %v", pass, err)
		}
		equal(t, "reason", failed.Problem.Reason, watch.AuthSecretExpired)
		equal(t, "code", failed.Problem.Details["code"], any("AADSTS7000222"))
		next, err := time.Parse(time.RFC3339, fmt.Sprint(failed.Problem.Details["next_attempt"]))
		if err != nil || time.Until(next) < 50*time.Minute {
			t.Errorf("pass %d: the next attempt is at %v", pass, failed.Problem.Details["next_attempt"])
		}
	}
	equal(t, "attempts at the token endpoint", len(s.tenant.To("/token")), 1)
	if !strings.Contains(s.check.Try(t.Context())[0].Err.Error(), "AADSTS7000222") {
		t.Error("somebody who asks is not told what Entra says now")
	}
	equal(t, "attempts, with one that somebody asked for", len(s.tenant.To("/token")), 2)
}

func TestF11_TheOwnSecretIsToldLongBeforeItEnds(t *testing.T) {
	s := begin(t, faketenant.Directory{})
	own := s.collect(t).of(t, watchdogApp+"/"+watchdogKey)
	equal(t, "self", own.Self, true)
	equal(t, "end", own.NotAfter, days(165))
	equal(t, "use", own.Use.State, watch.InUse)
}

func TestASignInThatIsRefusedHidesEverythingAndSaysWhy(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer faketenant.Answer
		reason watch.Reason
	}{
		{"consent revoked", faketenant.ConsentMissing(), watch.AuthConsentMissing},
		{"Conditional Access", faketenant.ConditionalAccess(), watch.AuthConditionalAccess},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := beginWith(t, faketenant.Options{Manners: []faketenant.Manner{{On: "/token", Times: faketenant.Always, Answer: row.answer}}})
			_, err := s.collectErr(t.Context())
			failed, ok := errors.AsType[*watch.SourceError](err)
			if !ok {
				t.Fatalf("the pass ended with %v", err)
			}
			equal(t, "reason", failed.Problem.Reason, row.reason)
		})
	}
}

func TestTrySaysRightByRightWhatWorks(t *testing.T) {
	lines := func(abilities []watch.Ability) string {
		var text strings.Builder
		for _, ability := range abilities {
			fmt.Fprintf(&text, "%s: %v", ability.Name, ability.Err == nil)
			if ability.Err != nil {
				fmt.Fprintf(&text, " (%v; %s)", ability.Err, ability.Remedy)
			}
			text.WriteString("\n")
		}
		return text.String()
	}
	equal(t, "with everything", lines(begin(t, contoso()).check.Try(t.Context())), `sign-in: true
Application.Read.All: true
Application.Read.All: true
User.ReadBasic.All: true
AuditLog.Read.All: true
Policy.Read.All: true
`)
	bare := without(t, allPermissions()...)
	abilities := bare.check.Try(t.Context())
	for i := range abilities {
		if abilities[i].Err != nil {
			abilities[i].Err = errors.New(requestIDs.ReplaceAllString(abilities[i].Err.Error(), "request id …"))
		}
	}
	const give = "Give the application permission %s of Microsoft Graph, with the consent of an administrator."
	denied := fmt.Sprintf("Application.Read.All: false (ask for Application.Read.All: Insufficient privileges to complete the operation. (Authorization_RequestDenied, request id …); "+give+")\n", "Application.Read.All")
	equal(t, "with nothing", lines(abilities), "sign-in: true\n"+denied+denied+
		fmt.Sprintf("User.ReadBasic.All: false (the token carries none of User.ReadBasic.All, User.Read.All; "+give+")\n", "User.ReadBasic.All")+
		fmt.Sprintf("AuditLog.Read.All: false (the sign-in report needs the permission AuditLog.Read.All; "+give+")\n", "AuditLog.Read.All")+
		fmt.Sprintf("Policy.Read.All: false (ask for Policy.Read.All: Insufficient privileges to complete the operation. (Authorization_RequestDenied, request id …); "+give+")\n", "Policy.Read.All"))
	if len(bare.tenant.To("/owners")) > 0 {
		t.Error("it collected")
	}
}

func TestTryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	abilities := begin(t, faketenant.Directory{}).check.Try(ctx)
	equal(t, "abilities", len(abilities), 1)
	if !errors.Is(abilities[0].Err, context.Canceled) {
		t.Errorf("it says %v", abilities[0].Err)
	}
}
