package msgraph

import (
	"bytes"
	"io"
	"os"
	"slices"

	"lapsewatch/watch"
)

// material is what the sign-in proves itself with, empty where nothing is kept here.
func (k ownKey) material() []byte {
	switch {
	case len(k.chain) > 0:
		return k.chain[0].Raw
	case k.machine != nil:
		return k.machine.material()
	}
	return []byte(k.secret.Reveal())
}

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
