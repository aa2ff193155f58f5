package jwt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lapsewatch/checks"
)

const scheme = "jwt:"

// takes recognises jwt:FILE and jwt:FOLDER.
func takes(target string) bool {
	return len(target) > len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) && !strings.HasPrefix(target[len(scheme):], "//")
}

func fill(targets []string, options Options) (Options, error) {
	for _, target := range targets {
		path := target[len(scheme):]
		same := func(other string) bool { return filepath.Clean(other) == filepath.Clean(path) }
		if !slices.ContainsFunc(options.Paths, same) {
			options.Paths = append(options.Paths, path)
		}
	}
	return options, nil
}

// mounted are the folders that Kubernetes, and what is built on it, mounts tokens in:
// kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin, the webhooks of
// Azure Workload Identity and of EKS.
var mounted = []string{
	"/var/run/secrets/kubernetes.io/serviceaccount", "/var/run/secrets/tokens", "/var/run/secrets/azure/tokens", "/var/run/secrets/eks.amazonaws.com/serviceaccount",
}

// namedByEnvironment are environment variables with the path of a token's file, of the Azure SDK and of
// that of AWS.
var namedByEnvironment = []string{"AZURE_FEDERATED_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"}

// usualPlaces lets a bare scan look where a workload finds its tokens.
func usualPlaces(_ checks.Env, options Options) (Options, error) {
	options.usual = slices.Clone(mounted)
	for _, name := range namedByEnvironment {
		if path := os.Getenv(name); path != "" {
			options.usual = append(options.usual, path)
		}
	}
	return options, nil
}
