package certfiles

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// kubeconfig is what is read of a kubeconfig file. Keys, tokens and passwords have no
// field here, so they are never decoded.
type kubeconfig struct {
	Kind     string `yaml:"kind"`
	Clusters []struct {
		Name    string `yaml:"name"`
		Cluster struct {
			Authority     string `yaml:"certificate-authority"`
			AuthorityData string `yaml:"certificate-authority-data"`
		} `yaml:"cluster"`
	} `yaml:"clusters"`
	Users []struct {
		Name string `yaml:"name"`
		User struct {
			Certificate     string `yaml:"client-certificate"`
			CertificateData string `yaml:"client-certificate-data"`
		} `yaml:"user"`
	} `yaml:"users"`
	Contexts []struct {
		Name    string `yaml:"name"`
		Context struct {
			Cluster string `yaml:"cluster"`
			User    string `yaml:"user"`
		} `yaml:"context"`
	} `yaml:"contexts"`
}

// kubeEntry is one place of a kubeconfig that carries certificates: embedded, or in
// another file.
type kubeEntry struct {
	// role tells the entry apart within its file, whatever certificate it carries:
	// `user "admin"`.
	role     string
	contexts []string
	embedded string
	// file is absolute, or relative to the working directory as the kubeconfig is.
	file string
}

// looksLikeKubeconfig is a cheap test of a file's beginning.
func looksLikeKubeconfig(head []byte) bool {
	return bytes.Contains(head, []byte("apiVersion")) && bytes.Contains(head, []byte("clusters"))
}

// kindConfig finds what kind a file is even where it is too damaged to be parsed.
var kindConfig = regexp.MustCompile(`(?m)^[ \t{"]*kind"?[ \t]*:[ \t]*"?Config"?[ \t]*,?\r?$`)

func saysKubeconfig(data []byte) bool { return kindConfig.Match(data) }

// maxDocuments bounds the YAML documents of a file.
const maxDocuments = 100

var errTooManyDocuments = fmt.Errorf("holds more than %d YAML documents: the rest was not read", maxDocuments)

// openKubeconfig lists the entries of a kubeconfig that carry certificates, in all of its
// YAML documents. What was found before an error is returned with it.
func openKubeconfig(path string, data []byte) ([]kubeEntry, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, malformedKubeconfig(err)
	}
	listing := kubeListing{folder: filepath.Dir(path), seen: map[string]int{}}
	known := false
	for range maxDocuments {
		var config kubeconfig
		err := loader.Load(&config)
		// What fits is decoded although something else does not.
		if config.Kind == "Config" {
			known = true
			listing.addAll(&config)
		}
		switch {
		case errors.Is(err, io.EOF) && !known:
			return nil, errNotKubeconfig
		case errors.Is(err, io.EOF):
			return listing.entries, nil
		case err != nil:
			return listing.entries, malformedKubeconfig(err)
		}
	}
	return listing.entries, errTooManyDocuments
}

func (l *kubeListing) addAll(config *kubeconfig) {
	byUser, byCluster := map[string][]string{}, map[string][]string{}
	for _, context := range config.Contexts {
		addContext(byUser, context.Context.User, context.Name)
		addContext(byCluster, context.Context.Cluster, context.Name)
	}
	for _, user := range config.Users {
		l.add("user", user.Name, user.User.Certificate, user.User.CertificateData, byUser)
	}
	for _, cluster := range config.Clusters {
		l.add("cluster", cluster.Name, cluster.Cluster.Authority, cluster.Cluster.AuthorityData, byCluster)
	}
}

// maxContexts bounds the contexts that are listed of one entry.
const maxContexts = 20

func addContext(contexts map[string][]string, of, name string) {
	if len(contexts[of]) < maxContexts {
		contexts[of] = append(contexts[of], cleanName(name))
	}
}

type kubeListing struct {
	folder  string
	seen    map[string]int
	entries []kubeEntry
}

func (l *kubeListing) add(kind, name, file, embedded string, contexts map[string][]string) {
	if file == "" && embedded == "" {
		return
	}
	entry := kubeEntry{
		role:     distinct(l.seen, fmt.Sprintf("%s %q", kind, cleanName(name))),
		contexts: slices.Sorted(slices.Values(contexts[name])),
		embedded: embedded,
	}
	// As for kubectl, embedded data wins, and a relative path starts at the kubeconfig.
	if embedded == "" {
		entry.file = file
		if !filepath.IsAbs(file) {
			entry.file = filepath.Join(l.folder, file)
		}
	}
	l.entries = append(l.entries, entry)
}

// distinct numbers a name that was seen before, so that hostile files cannot make two
// subjects one.
func distinct(seen map[string]int, name string) string {
	seen[name]++
	if seen[name] > 1 {
		return fmt.Sprintf("%s (%d)", name, seen[name])
	}
	return name
}

// malformedKubeconfig keeps only the line of a YAML error: its text may quote the file,
// which holds tokens.
func malformedKubeconfig(err error) error {
	if at, ok := errors.AsType[*yaml.LoadError](err); ok && at.Mark.Line > 0 {
		return fmt.Errorf("is not a well-formed kubeconfig: look at line %d", at.Mark.Line)
	}
	return errors.New("is not a well-formed kubeconfig")
}

// decode gives the PEM text of embedded data.
func (e kubeEntry) decode() ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.embedded))
	if err != nil {
		return nil, fmt.Errorf("decode the embedded certificate of %s: %w", e.role, err)
	}
	return text, nil
}
