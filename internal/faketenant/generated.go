package faketenant

import (
	"fmt"
	"strconv"
	"time"
)

// Generated describes applications that are made from their index whenever they are read,
// so that a tenant of 100,000 needs no memory for them. The same index always gives the
// same application.
type Generated struct {
	Applications, SecretsEach, CertificatesEach, OwnersEach int
	// From is when the first credential began; the others begin an hour after one another,
	// over and over in the same two years, and last two years each.
	From time.Time
}

// The parts of a generated id: what it is of, the application's index and the credential's.
const (
	ofObject      = 0xa0
	ofApp         = 0xa1
	ofSecret      = 0xa2
	ofCertificate = 0xa3
	ofOwner       = 0xa4

	idLength = 36
	hours    = 2 * 365 * 24
	lifetime = hours * time.Hour
)

const hexDigits = "0123456789abcdef"

// appendID writes a UUID that holds its parts.
func appendID(b []byte, of, index, credential int) []byte {
	b = append(b, "000000"...)
	b = append(b, hexDigits[of>>4], hexDigits[of&15])
	b = append(b, '-')
	for shift := 12; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[credential>>shift&15])
	}
	b = append(b, "-4000-8000-"...)
	for shift := 44; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[index>>shift&15])
	}
	return b
}

func generatedID(of, index int) string { return string(appendID(nil, of, index, 0)) }

// index finds the application that has the object id or the appId.
func (g Generated) index(objectID, appID string) (int, bool) {
	for of, wanted := range map[int]string{ofObject: objectID, ofApp: appID} {
		if len(wanted) != idLength {
			continue
		}
		i, err := strconv.ParseInt(wanted[idLength-12:], 16, 64)
		if err == nil && int(i) < g.Applications && wanted == generatedID(of, int(i)) {
			return int(i), true
		}
	}
	return 0, false
}

// scratch is memory that is used again for each application of a page.
type scratch struct {
	text      []byte
	passwords []PasswordCredential
	keys      []KeyCredential
	app       Application
}

// textOfCredential is the length of a credential's two dates and its keyId in scratch.text.
const (
	dateLength       = len("2006-01-02T15:04:05Z")
	textOfCredential = idLength + 2*dateLength
)

// application makes application i. All its text is one string, cut in pieces.
func (g Generated) application(i int, use *scratch) *Application {
	b := appendID(use.text[:0], ofObject, i, 0)
	b = appendID(b, ofApp, i, 0)
	for n := range g.SecretsEach {
		b = g.appendCredential(b, ofSecret, i, n)
	}
	for n := range g.CertificatesEach {
		b = g.appendCredential(b, ofCertificate, i, n)
	}
	name := len(b)
	b = strconv.AppendInt(append(b, "app-"...), int64(i), 10)
	use.text = b
	text := string(b)

	use.passwords, use.keys = use.passwords[:0], use.keys[:0]
	rest := text[2*idLength : name]
	for range g.SecretsEach {
		use.passwords = append(use.passwords, PasswordCredential{
			KeyID: rest[:idLength], DisplayName: "pipeline", Hint: "Q~x",
			StartDateTime: DateTime(rest[idLength:][:dateLength]), EndDateTime: DateTime(rest[idLength+dateLength:][:dateLength]),
		})
		rest = rest[textOfCredential:]
	}
	for range g.CertificatesEach {
		use.keys = append(use.keys, KeyCredential{
			KeyID: rest[:idLength], DisplayName: "CN=service", Type: "AsymmetricX509Cert", Usage: "Verify",
			StartDateTime: DateTime(rest[idLength:][:dateLength]), EndDateTime: DateTime(rest[idLength+dateLength:][:dateLength]),
			CustomKeyIdentifier: "5cXqW8mVb0q1h4Zy3m2dJkT8c7E=",
		})
		rest = rest[textOfCredential:]
	}
	use.app = Application{
		ID: text[:idLength], AppID: text[idLength : 2*idLength], DisplayName: text[name:],
		SignInAudience: "AzureADMyOrg", CreatedDateTime: At(g.From),
		PasswordCredentials: use.passwords, KeyCredentials: use.keys,
		OwnerIDs: g.owners(i),
	}
	return &use.app
}

func (g Generated) appendCredential(b []byte, of, i, n int) []byte {
	b = appendID(b, of, i, n)
	start := g.From.UTC().Add(time.Duration((i*7+n)%hours) * time.Hour)
	b = start.AppendFormat(b, time.RFC3339)
	return start.Add(lifetime).AppendFormat(b, time.RFC3339)
}

// owners of application i: some of a hundred people.
func (g Generated) owners(i int) []string {
	if g.OwnersEach == 0 {
		return nil
	}
	owners := make([]string, g.OwnersEach)
	for n := range owners {
		owners[n] = generatedID(ofOwner, (i+n)%generatedUsers)
	}
	return owners
}

const generatedUsers = 100

func (g Generated) user(wanted string) *User {
	if g.OwnersEach == 0 || len(wanted) != idLength {
		return nil
	}
	i, err := strconv.ParseInt(wanted[idLength-12:], 16, 64)
	if err != nil || i >= generatedUsers || wanted != generatedID(ofOwner, int(i)) {
		return nil
	}
	mail := fmt.Sprintf("owner%d@example.com", i)
	return &User{ID: wanted, DisplayName: fmt.Sprintf("Owner %d", i), UserPrincipalName: mail, Mail: mail}
}
