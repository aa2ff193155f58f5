package watch

import (
	"context"
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

// Fact is what a check learnt. It is closed: Credential, Clock and Problem.
type Fact interface {
	About() Subject
	fact()
}

// Form says what sort of credential a fact describes, in the words of a message.
type Form string

// The forms of credential. Policy treats short-lived certificates and CRLs as renewed
// by machines.
const (
	Certificate Form = "certificate"
	CRL         Form = "certificate revocation list"
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
	// Observations are conditions other than the date.
	Observations []Observation
	// Details are shown in reports under these keys, in snake case. Values are
	// strings, booleans, numbers, or lists of strings.
	Details map[string]any
	// Remedy is the next step to take, when the check knows a better one than policy.
	Remedy string
}

// Observation is a condition that a check saw and did not judge.
type Observation struct {
	Reason Reason
	// Text is a clause that stands by itself: "is not valid for example.com, only for …".
	Text string
	// NotAfter, when set, makes policy judge the observation by its lead times: it
	// counts only once that date is near or past.
	NotAfter time.Time
}

// Clock is the fact that a subject's clock was compared with a reference.
type Clock struct {
	Subject Subject
	// Offset is the subject's clock minus the reference: positive is ahead.
	Offset time.Duration
	// Uncertainty bounds the error of Offset, plus or minus.
	Uncertainty time.Duration
	Reference   string
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

func (c Credential) About() Subject { return c.Subject }
func (c Clock) About() Subject      { return c.Subject }
func (p Problem) About() Subject    { return p.Subject }

func (Credential) fact() {}
func (Clock) fact()      {}
func (Problem) fact()    {}

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
