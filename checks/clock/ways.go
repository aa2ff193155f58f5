package clock

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/remoteclock"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// way is how a scheme's clocks are read.
type way struct {
	// port is the one that a URL without a port means.
	port string
	// hasPath and hasUser: the URL may have a path, and must have a user.
	hasPath, hasUser bool
	// several: more than one packet may be sent, at intervals. self: it is the host's own
	// account, and no comparison.
	several, self bool
	// scan: `lapsewatch scan` takes such targets.
	scan bool
	// uses are the keys of a target that mean something here.
	uses []string
	// validate finds what else is wrong with a target; nil if there is nothing.
	validate func(Target) error
	// read reads one clock. Its errors are *remoteclock.Failure.
	read func(ctx context.Context, l *look, h *host) (remoteclock.Reading, error)
}

// ways is read-only.
var ways = map[string]way{
	"ntp":        {port: "123", several: true, scan: true, read: readNTP},
	"chrony":     {port: "323", self: true, scan: true, read: readChrony},
	"http":       {port: "80", hasPath: true, scan: true, read: readDate},
	"https":      {port: "443", hasPath: true, uses: []string{"ca_file", "server_name"}, read: readDate},
	"node+http":  {port: "9100", hasPath: true, scan: true, read: readNodeExporter},
	"node+https": {port: "9100", hasPath: true, scan: true, uses: []string{"user", "password", "token", "ca_file", "server_name"}, validate: oneSignIn, read: readNodeExporter},
	"ssh":        {port: "22", hasUser: true, uses: []string{"private_key", "passphrase", "known_hosts", "host_key"}, validate: pinned, read: readSSH},
	"postgres":   {port: "5432", hasPath: true, hasUser: true, uses: forDatabases, validate: database, read: readSQL},
	"mysql":      {port: "3306", hasPath: true, hasUser: true, uses: forDatabases, validate: database, read: readSQL},
	"postgresql": {port: "5432", hasPath: true, hasUser: true, uses: forDatabases, validate: database, read: readSQL},
	"mariadb":    {port: "3306", hasPath: true, hasUser: true, uses: forDatabases, validate: database, read: readSQL},
	"sqlserver":  {port: "1433", hasPath: true, hasUser: true, uses: forDatabases, validate: database, read: readSQL},
}

// forDatabases is read-only.
var forDatabases = []string{"password", "tls", "ca_file"}

func readChrony(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	return remoteclock.Chrony{Address: h.url.Host, Dial: l.env.Dial}.Read(ctx)
}

func readDate(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	trust, err := h.trust()
	if err != nil {
		return remoteclock.Reading{}, err
	}
	return remoteclock.HTTP{URL: h.url.String(), Dial: l.env.Dial, TLS: trust, Goal: h.exactEnough()}.Read(ctx)
}

func readNodeExporter(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	trust, err := h.trust()
	if err != nil {
		return remoteclock.Reading{}, err
	}
	exporter := remoteclock.NodeExporter{URL: h.url.String()[len(nodePrefix):], Dial: l.env.Dial, TLS: trust, User: h.target.User}
	if exporter.Password, err = l.secret(h.target.Password); err != nil {
		return remoteclock.Reading{}, err
	}
	if exporter.Token, err = l.secret(h.target.Token); err != nil {
		return remoteclock.Reading{}, err
	}
	return exporter.Read(ctx)
}

// nodePrefix tells that a web server is a node_exporter.
const nodePrefix = "node+"

func readSSH(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	way := remoteclock.SSH{Address: h.url.Host, User: h.url.User.Username(), Dial: l.env.Dial, HostKey: h.target.HostKey, KnownHosts: h.target.KnownHosts}
	var err error
	if way.Key, err = l.secret(h.target.PrivateKey); err != nil {
		return remoteclock.Reading{}, err
	}
	if way.Passphrase, err = l.secret(h.target.Passphrase); err != nil {
		return remoteclock.Reading{}, err
	}
	return way.Read(ctx)
}

func readSQL(ctx context.Context, l *look, h *host) (remoteclock.Reading, error) {
	conn, err := sqlread.Open(ctx, h.target.database(), sqlread.Env{Dial: l.env.Dial, Secrets: l.env.Secrets, Timeout: l.timeout, TLSTime: l.env.TLSTime})
	if err != nil {
		return remoteclock.Reading{}, ofDatabase(err)
	}
	defer func() { _ = conn.Close() }() // only read from
	clock, err := conn.Clock(ctx)
	if err != nil {
		return remoteclock.Reading{}, ofDatabase(err)
	}
	return remoteclock.Reading{Offset: clock.Offset, Uncertainty: clock.Uncertainty, At: clock.At, By: "SQL", Details: clock.Details}, nil
}

func ofDatabase(err error) error {
	if failed, ok := errors.AsType[*sqlread.Failure](err); ok {
		return &remoteclock.Failure{Reason: failed.Reason, Err: failed.Err, Remedy: failed.Remedy}
	}
	return err
}

func (t Target) database() sqlread.Database {
	return sqlread.Database{URL: t.URL, Password: t.Password, TLS: sqlread.TLSMode(t.TLS), CAFile: t.CAFile}
}

// database finds what is wrong with the target of a database.
func database(t Target) error {
	var problems []error
	for _, fault := range t.database().Faults() {
		problems = append(problems, fault)
	}
	return errors.Join(problems...)
}

// oneSignIn refuses credentials that contradict each other or lack a half.
func oneSignIn(t Target) error {
	switch {
	case !t.Token.IsZero() && t.User != "":
		return &watch.FieldError{Path: "token", Err: errors.New("give either token, or user and password")}
	case (t.User == "") != t.Password.IsZero():
		return &watch.FieldError{Path: "user", Err: errors.New("give user and password together")}
	}
	return nil
}

// pinned wants the keys of both sides.
func pinned(t Target) error {
	var problems []error
	wrong := func(key, text string) {
		problems = append(problems, &watch.FieldError{Path: key, Err: errors.New(text)})
	}
	if t.PrivateKey.IsZero() {
		wrong("private_key", "is missing: SSH signs in with a key, which {file: PATH} or {env: NAME} names")
	}
	if (t.KnownHosts == "") == (t.HostKey == "") {
		wrong("known_hosts", "give either known_hosts or host_key: no host key is accepted unseen")
	}
	if t.HostKey != "" {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(t.HostKey)); err != nil {
			wrong("host_key", "want a line such as \"ssh-ed25519 AAAA…\", from the host's /etc/ssh/ssh_host_ed25519_key.pub")
		}
	}
	return errors.Join(problems...)
}

// secret reads a secret at each use; one that is not configured is empty.
func (l *look) secret(ref watch.SecretRef) (watch.Secret, error) {
	if ref.IsZero() {
		return watch.Secret{}, nil
	}
	secret, err := l.env.Secrets(ref)
	if err != nil {
		return secret, &remoteclock.Failure{Reason: watch.Unreadable, Err: err, Remedy: "Put the secret where it is looked for."}
	}
	return secret, nil
}

// trust is how a web server proves who it is.
func (h *host) trust() (remoteclock.TLS, error) {
	made := remoteclock.TLS{ServerName: h.target.ServerName}
	if h.target.CAFile == "" {
		return made, nil
	}
	pool, err := cafile.Pool(h.target.CAFile)
	if err != nil {
		return made, &remoteclock.Failure{Reason: watch.Unreadable, Err: fmt.Errorf("read ca_file: %w", err), Remedy: "Correct ca_file."}
	}
	made.Roots = pool
	return made, nil
}
