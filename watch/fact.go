package watch

import (
	"context"
	"fmt"
	"time"
)

// Subject is one thing that is watched.
type Subject struct {
	// ID is stable over runs and over renewals of the credential that the subject
	// carries (a TLS endpoint: name, address, port, SNI; an Entra secret: tenant,
	// appId, keyId). It is unique within its check.
	ID string
	// Name is what a person reads: "example.com:443". It may come from outside and
	// is hostile until a renderer has escaped it.
	Name   string
	Owners []string
	Labels map[string]string
	// Link is an https URL where a person can look at or renew the subject, if any.
	Link string
}

// Fact is what a check learnt. It is closed: Credential, Clock, Condition, Problem and
// Remark.
type Fact interface {
	About() Subject
	fact()
}

// Form says what sort of credential a fact describes, in the words of a message.
type Form string

// The forms of credential. Policy treats short-lived certificates and CRLs as renewed
// by machines, and knows that a federated credential has no date.
const (
	Certificate Form = "certificate"
	CRL         Form = "certificate revocation list"
	// ClientSecret and ClientCertificate are what an application signs in with.
	ClientSecret      Form = "client secret"
	ClientCertificate Form = "client certificate"
	// SigningCertificate signs the SAML assertions that an application trusts.
	SigningCertificate Form = "SAML signing certificate"
	// FederatedCredential is the trust in another issuer's tokens.
	FederatedCredential Form = "federated credential"
	// EncryptionCertificate is what SAML assertions for its holder are encrypted with.
	EncryptionCertificate Form = "SAML encryption certificate"
	// KeyCertificate stands beside a key in a JSON Web Key Set (RFC 7517, 4.7).
	KeyCertificate Form = "key certificate"
	// Metadata is a SAML document that says until when it holds.
	Metadata Form = "SAML metadata"
	// AccessToken is a token that a service signs in with: a JWT, a personal access token.
	AccessToken Form = "access token"
	// RefreshToken buys access tokens (RFC 6749, 1.5).
	RefreshToken Form = "refresh token"
	// DomainRegistration is the right to a domain name.
	DomainRegistration Form = "domain registration"
	// NumberRange is what a column or sequence can still count up to. Its NotAfter is when it
	// is used up at the present rate of growth.
	NumberRange Form = "number range"
)

// Credential is the fact that a subject carries something with a date.
type Credential struct {
	Subject Subject
	Form    Form
	// Identity names the credential that the subject carries now ("sha256:…" of a
	// certificate). A change of Identity is a renewal.
	Identity string
	// NotBefore and NotAfter bound the time in which the credential works: for a
	// certificate with a verified chain, the latest notBefore and the earliest
	// notAfter of that chain. Zero means that there is no such date.
	NotBefore time.Time
	NotAfter  time.Time
	// Life is the whole life of the certificate that decides NotAfter; zero means
	// NotAfter − NotBefore.
	Life time.Duration
	// Decides says which date NotAfter is and why it matters, when that is not
	// plainly the credential's own ("the intermediate R3 expires before the leaf").
	Decides string
	// Endless: NotAfter is what the issuer writes for a credential that does not lapse.
	Endless bool
	// LeftOverFrom is when a credential that has expired counts as left over, where the
	// issuer lists it for ever beside its successors. Zero: expired stays expired.
	LeftOverFrom time.Time
	// Self: Lapsewatch itself signs in with it, so that it must be told of earlier.
	Self bool
	// Use is what is known of whether anything still uses the credential, and
	// Replacement what can take over from it; nil if there is nothing.
	Use         Use
	Replacement *Replacement
	// Observations are conditions other than the date.
	Observations []Observation
	// Details are shown in reports under these keys, in snake case. Values are
	// strings, booleans, numbers, or lists of strings.
	Details map[string]any
	// Remedy is the next step to take, when the check knows a better one than policy.
	Remedy string
}

// UseState says whether anything uses a credential.
type UseState string

// The states of use. The zero value means that nobody asked.
const (
	InUse  UseState = "in_use"
	Unused UseState = "unused"
	// Unusable: nothing can use it as things stand, so that its date hurts nobody.
	Unusable UseState = "unusable"
	// UseUnknown: it was asked and could not be answered. That is never "unused".
	UseUnknown UseState = "unknown"
)

// Use is what is known of the use of a credential.
type Use struct {
	State UseState
	// LastUsed is the latest use that is known of, in UTC; zero if none is.
	LastUsed time.Time
	// Text is a clause that explains Unusable ("its application is disabled") or
	// UseUnknown ("the sign-in report needs AuditLog.Read.All"), or says how old the
	// knowledge of Unused is ("as of 2026-11-20").
	Text string
}

// Replacement is a credential that can take over from another one of the same holder.
type Replacement struct {
	// Name is what a person reads; it may be hostile.
	Name                string
	NotBefore, NotAfter time.Time
}

// Observation is a condition that a check saw and did not judge.
type Observation struct {
	Reason Reason
	// Text is a clause that stands by itself: "is not valid for example.com, only for …".
	Text string
	// NotAfter, when set, makes policy judge the observation by its lead times: it
	// counts only once that date is near or past.
	NotAfter time.Time
	// Remedy is the next step where the observation decides, when the check knows a
	// better one than policy.
	Remedy string
}

// Condition is the fact that a subject is in order, or why it is not, where neither a
// date nor a clock says so.
type Condition struct {
	Subject Subject
	// Reason is empty where all is in order.
	Reason Reason
	// Identity names the credential that it is about, if it is about one; a change of it
	// is a renewal.
	Identity string
	// Text is one sentence without a full stop.
	Text    string
	Details map[string]any
	Remedy  string
	// Extent is that of the finding.
	Extent int64
}

// Problem is the fact that something could not be read. It is never ok, and it never
// resolves what was known before.
type Problem struct {
	Subject Subject
	Reason  Reason
	Err     error
	// Confined states that the problem hides nothing but its own subject, and those
	// whose ID begins with HidesPrefix, if that is set. Otherwise the pass over its
	// check is incomplete, and no vanished subject is resolved.
	Confined    bool
	HidesPrefix string
	Details     map[string]any
	Remedy      string
}

// Remark is no finding, but worth a line in the report: what the pass left out on
// purpose, and which optional feature it went without and why.
type Remark struct {
	// Text is one sentence without a full stop.
	Text string
}

func (c Credential) About() Subject { return c.Subject }
func (c Clock) About() Subject      { return c.Subject }
func (c Condition) About() Subject  { return c.Subject }
func (p Problem) About() Subject    { return p.Subject }

// About is empty: a remark concerns the check.
func (Remark) About() Subject { return Subject{} }

func (Credential) fact() {}
func (Clock) fact()      {}
func (Condition) fact()  {}
func (Problem) fact()    {}
func (Remark) fact()     {}

// SourceError is an error of Check.Collect that says why the source as a whole could
// not be read, with a reason and a remedy of its own. Without a subject of its own, the
// problem is one of the check.
type SourceError struct{ Problem Problem }

func (e *SourceError) Error() string {
	if e.Problem.Err == nil {
		return fmt.Sprintf("the source could not be read: %s", e.Problem.Reason)
	}
	return e.Problem.Err.Error()
}

// Unwrap gives the cause.
func (e *SourceError) Unwrap() error { return e.Problem.Err }

// Sink takes facts as a check finds them. It may be called from several goroutines.
type Sink func(Fact)

// Check collects facts about the subjects of one configured source.
type Check interface {
	// Collect streams facts into sink and returns when it has seen everything or
	// ctx ends. One bad subject is a Problem in the stream; an error means that the
	// source as a whole could not be read. Collect may be called again for the next
	// pass, never concurrently with itself.
	Collect(ctx context.Context, sink Sink) error
}

// Rechecker is a check that can look at single subjects once more, before somebody is
// told bad news of them.
type Rechecker interface {
	// Recheck streams what it learns anew of the subjects into sink; of a subject that
	// it leaves out, what was learnt before stands.
	Recheck(ctx context.Context, subjectIDs []string, sink Sink) error
}

// Unfinished is a check that may be in the middle of what must not be cut off, such as the
// storing of a token whose predecessor is used up.
type Unfinished interface {
	// Unfinished reports whether it is; it may be asked at any time.
	Unfinished() bool
}
