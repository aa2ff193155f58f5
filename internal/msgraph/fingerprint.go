package msgraph

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"os"
	"slices"

	"lapsewatch/watch"
)

// fingerprint tells whether a hold was another credential's. It is empty for what is not
// kept here.
//
// Three bytes beside their salt rule a guessed secret out, and confirm it but for one
// guess in 16 million. So whoever reads them could shorten a list of likely passwords to
// a few; the secrets that Entra makes are random, and can be neither listed nor searched
// for. And once in 16 million times a new credential looks like the old one: then the
// hold lasts to its end, which is less than a day.
type fingerprint struct {
	Salt []byte `json:"salt,omitempty"`
	Sum  []byte `json:"sum,omitempty"`
}

const fingerprintLength = 3

func fingerprintOf(key ownKey) fingerprint {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return fingerprint{Salt: salt}.over(key)
}

func (f fingerprint) over(key ownKey) fingerprint {
	material := []byte(key.secret.Reveal())
	switch {
	case len(key.chain) > 0:
		material = key.chain[0].Raw
	case key.machine != nil:
		material = key.machine.material()
	}
	if len(material) == 0 {
		return fingerprint{}
	}
	sum := hmac.New(sha256.New, f.Salt)
	sum.Write(material)
	return fingerprint{Salt: f.Salt, Sum: sum.Sum(nil)[:fingerprintLength]}
}

func (f fingerprint) of(key ownKey) bool { return hmac.Equal(f.Sum, f.over(key).Sum) }

// environment are the variables that azidentity and MSAL read, by name.
type environment map[string]watch.Secret

// maxEnvironmentFile is more than a certificate with its chain needs.
const maxEnvironmentFile = 1 << 20

const certificatePath = "AZURE_CLIENT_CERTIFICATE_PATH"

var (
	// settingVariables say who signs in, how and where, and are the administrator's.
	settingVariables = []string{
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", certificatePath, "AZURE_CLIENT_CERTIFICATE_PASSWORD",
		"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "AZURE_USERNAME", "AZURE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS",
		"AZURE_AUTHORITY_HOST", "AZURE_REGIONAL_AUTHORITY_NAME", "AZURE_ADDITIONALLY_ALLOWED_TENANTS",
	}
	// secretVariables are never shown. The platform gives the last two, and others to
	// each container.
	secretVariables = []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "IDENTITY_HEADER", "MSI_SECRET"}
)

func readEnvironment() environment {
	read := environment{}
	for _, name := range slices.Concat(settingVariables, secretVariables) {
		read[name] = watch.NewSecret(os.Getenv(name))
	}
	return read
}

func (e environment) secrets() []watch.Secret {
	var found []watch.Secret
	for _, name := range secretVariables {
		found = append(found, e[name])
	}
	return found
}

// material is what changes with the credential: the certificate may be renewed in its file.
func (e environment) material() []byte {
	var all bytes.Buffer
	for _, name := range settingVariables {
		all.WriteString(name + "=" + e[name].Reveal() + "\x00")
	}
	if file, err := os.Open(e[certificatePath].Reveal()); err == nil { // if not, azidentity says so
		defer func() { _ = file.Close() }()
		_, _ = io.Copy(&all, io.LimitReader(file, maxEnvironmentFile))
	}
	return all.Bytes()
}
