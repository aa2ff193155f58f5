package gitfile

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/redact"
	"lapsewatch/watch"
)

func (r *remote) overHTTP() error {
	if r.endpoint.Protocol == "http" && !r.options.AllowInsecureHTTP {
		return r.never(fmt.Errorf("the remote %q is reached by http: want https; allow_insecure_http accepts http", r.options.Remote))
	}
	// go-git's errors show the path with whatever stands behind it.
	if strings.ContainsAny(r.endpoint.Path, "?#") {
		return r.never(fmt.Errorf("the address of the remote %q has a query: run git remote set-url without it, and give the token as git.token", r.options.Remote))
	}
	if err := r.credentials(); err != nil {
		return err
	}
	client, done, err := r.httpClient()
	if err != nil {
		return err
	}
	r.close = done
	r.client = githttp.NewClientWithOptions(client, &githttp.ClientOptions{RedirectPolicy: githttp.NoFollowRedirects})
	return nil
}

// credentials takes those of the address out of it, since go-git's errors show addresses,
// and reads the token, which is for the configured address only: that of the remote is
// the clone's, whose configuration others may write.
func (r *remote) credentials() error {
	user, password := r.endpoint.User, r.endpoint.Password
	r.endpoint.User, r.endpoint.Password = "", ""
	if password != "" {
		r.secrets = append(r.secrets, watch.NewSecret(password))
	}
	if len(user) >= shortestSecret {
		r.secrets = append(r.secrets, watch.NewSecret(user))
	}
	if user != "" || password != "" {
		r.auth = &githttp.BasicAuth{Username: user, Password: password}
	}
	if r.options.Token.IsZero() {
		return nil
	}
	meant, err := transport.NewEndpoint(r.options.URL)
	if err != nil || !sameHost(meant, r.endpoint) {
		return r.never(fmt.Errorf("the remote %q is at %s, and the token is for %s: it is not sent; look at git.url, and at .git/config of the clone (url, insteadOf)", r.options.Remote, r.host(), clean.Text(r.options.URL, maxName)))
	}
	token, err := r.env.Secrets(r.options.Token)
	if err != nil {
		return r.never(fmt.Errorf("read the token of the remote: %w", err))
	}
	r.auth = &githttp.BasicAuth{Username: r.options.Username, Password: strings.TrimSpace(token.Reveal())}
	r.secrets = append(r.secrets, redact.Words(token)...)
	return nil
}

// shortestSecret tells a user name that may be a token from an ordinary word.
const shortestSecret = 8

func sameHost(a, b *transport.Endpoint) bool {
	return a.Protocol == b.Protocol && strings.EqualFold(a.Host, b.Host) && port(a) == port(b)
}

// port is the one that is meant where an address has none.
func port(of *transport.Endpoint) int {
	usual := map[string]int{"https": 443, "http": 80}
	return cmp.Or(of.Port, usual[of.Protocol])
}
