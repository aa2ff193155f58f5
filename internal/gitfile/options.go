package gitfile

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// Options say what becomes of a file that was written into a clone.
type Options struct {
	Commit            bool            `yaml:"commit,omitempty" jsonschema_description:"commit each change, alone"`
	Push              bool            `yaml:"push,omitempty" jsonschema_description:"push what was committed, and fetch before files are read"`
	Remote            string          `yaml:"remote,omitempty" jsonschema_description:"name of the remote to push to; default origin"`
	Branch            string          `yaml:"branch,omitempty" jsonschema_description:"branch that has to be checked out; default: whichever is"`
	AuthorName        string          `yaml:"author_name,omitempty" jsonschema_description:"name of the commits' author; default Lapsewatch"`
	AuthorEmail       string          `yaml:"author_email,omitempty" jsonschema_description:"address of the commits' author; needed to commit"`
	URL               string          `yaml:"url,omitempty" jsonschema_description:"address of the remote that the token is for, such as https://git.example.com; needed with token, which is sent nowhere else"`
	Username          string          `yaml:"username,omitempty" jsonschema_description:"user name that goes with the token; default x-access-token, which GitHub and GitLab take"`
	Token             watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"where the token or password for the remote is kept"`
	CAFile            string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
	Timeout           watch.Duration  `yaml:"timeout,omitempty" jsonschema_description:"bound of one exchange with the remote, at most 5m; default 1m"`
	AllowInsecureHTTP bool            `yaml:"allow_insecure_http,omitempty" jsonschema_description:"accept an http remote, over which anybody on the way reads the token and changes what is pushed"`
}

const (
	defaultRemote   = "origin"
	defaultAuthor   = "Lapsewatch"
	defaultUsername = "x-access-token"
	defaultTimeout  = watch.Duration(time.Minute)
	longestTimeout  = watch.Duration(5 * time.Minute)
	maxName         = 200
)

// Defaults are those of a clone that nothing is committed to.
func Defaults() Options {
	return Options{Remote: defaultRemote, AuthorName: defaultAuthor, Username: defaultUsername, Timeout: defaultTimeout}
}

// Validate reports every wrong value with its place below the options.
func (o Options) Validate() error {
	var problems []error
	wrong := func(path string, err error) {
		if err != nil {
			problems = append(problems, &watch.FieldError{Path: path, Err: err})
		}
	}
	if o.Push && !o.Commit {
		wrong("push", errors.New("there is nothing to push without commit: true"))
	}
	wrong("remote", refName(o.Remote))
	if o.Branch != "" {
		wrong("branch", refName(o.Branch))
	}
	if o.Commit {
		wrong("author_name", signature(o.AuthorName))
		wrong("author_email", signature(o.AuthorEmail))
	}
	wrong("username", visible(o.Username))
	if !o.Token.IsZero() {
		wrong("token", o.Token.Validate())
		wrong("url", o.validateURL())
	} else if o.URL != "" {
		wrong("url", errors.New("leave it out without token, which it is for"))
	}
	if o.Timeout <= 0 || o.Timeout > longestTimeout {
		wrong("timeout", errors.New("want more than 0 and at most 5m"))
	}
	return errors.Join(problems...)
}

// validateURL requires the address that the token is for. Its path does not matter.
func (o Options) validateURL() error {
	address, err := url.Parse(o.URL)
	switch {
	case err != nil || address.Hostname() == "" || address.Scheme != "https" && address.Scheme != "http":
		return errors.New("want the address that the token is for, such as https://git.example.com")
	case address.Scheme == "http" && !o.AllowInsecureHTTP:
		return errors.New("want https; allow_insecure_http accepts http")
	case address.User != nil || address.RawQuery != "" || address.Fragment != "":
		return errors.New("want it without user name, password and query")
	default:
		return nil
	}
}

func visible(text string) error {
	if text == "" || clean.Text(text, maxName) != text || strings.TrimSpace(text) != text {
		return fmt.Errorf("want one line of 1 to %d visible characters", maxName)
	}
	return nil
}

// signature refuses what ends a name or an address in a commit.
func signature(text string) error {
	if strings.ContainsAny(text, "<>") {
		return errors.New("want neither < nor >")
	}
	return visible(text)
}

// refName refuses what cannot be the name of a branch (git-check-ref-format(1)).
func refName(text string) error {
	for _, bad := range []string{"..", "//", "@{", " ", "~", "^", ":", "?", "*", "[", `\`} {
		if strings.Contains(text, bad) {
			return fmt.Errorf("it holds %q, which no name in Git may", bad)
		}
	}
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || strings.HasSuffix(text, ".") || strings.HasSuffix(text, ".lock") {
		return errors.New("it begins or ends as no name in Git may")
	}
	return visible(text)
}
