package sqlread

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
)

// Dialect is the language of a server.
type Dialect string

// The dialects. MariaDB is MySQL.
const (
	PostgreSQL Dialect = "postgres"
	MySQL      Dialect = "mysql"
	SQLServer  Dialect = "sqlserver"
)

// Address is a database on a server, as one user sees it. It holds no password.
type Address struct {
	Dialect Dialect
	User    string
	// Host is a name or an IP address without brackets.
	Host string
	// Port is zero for an Instance of SQL Server, whose browser service tells it.
	Port     uint16
	Instance string
	Database string
}

// maxURL is far more than an address needs.
const maxURL = 2048

var (
	errScheme = errors.New("want postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or sqlserver://USER@HOST/DATABASE")
	errUnsafe = errors.New("it holds a password: keep the password in a secret and name that, as password: {file: PATH} or {env: NAME}")
	errShape  = errors.New("the address is not clear: write SCHEME://USER@HOST:PORT/DATABASE, with each of / ? # @ : % in the user name " +
		"and the database as %2F %3F %23 %40 %3A %25")
	errUser     = errors.New("it names no user: write SCHEME://USER@HOST/DATABASE")
	errHost     = errors.New("it names no host")
	errPort     = errors.New("the port is no number from 1 to 65535")
	errDatabase = errors.New("it names no database: write SCHEME://USER@HOST/DATABASE")
	errSettings = errors.New("no settings may stand behind ? but instance=NAME, for SQL Server without a port; TLS is set by tls and ca_file, the password by password")
	errHidden   = errors.New("the user, the host, the instance or the database holds a character that cannot be seen")
)

type scheme struct {
	dialect Dialect
	port    uint16
}

func schemeOf(name string) (scheme, bool) {
	known, ok := map[string]scheme{
		"postgres": {PostgreSQL, 5432}, "postgresql": {PostgreSQL, 5432},
		"mysql": {MySQL, 3306}, "mariadb": {MySQL, 3306},
		"sqlserver": {SQLServer, 1433},
	}[name]
	return known, ok
}

// ParseAddress reads SCHEME://USER@HOST[:PORT]/DATABASE. Schemes are postgres, mysql,
// mariadb and sqlserver. No error repeats any of the text: it may hold a password.
func ParseAddress(text string) (Address, error) {
	name, rest, found := strings.Cut(text, "://")
	known, ok := schemeOf(strings.ToLower(name))
	if !found || !ok {
		return Address{}, errScheme
	}
	// A password that is not escaped ends the authority too early. What is left of it
	// would pass for the name of the host or of the database, and be shown.
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if len(text) > maxURL || strings.Contains(rest[end:], "@") || strings.Contains(rest, "#") || strings.Count(rest[:end], "@") > 1 {
		return Address{}, errShape
	}
	if user, _, given := strings.Cut(rest[:end], "@"); given && strings.Contains(user, ":") {
		return Address{}, errUnsafe
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return Address{}, errShape
	}
	return known.address(parsed)
}

func (s scheme) address(parsed *url.URL) (Address, error) {
	address := Address{Dialect: s.dialect, User: parsed.User.Username(), Host: parsed.Hostname(), Port: s.port}
	if address.User == "" {
		return Address{}, errUser
	}
	if address.Host == "" {
		return Address{}, errHost
	}
	if err := address.readPort(parsed); err != nil {
		return Address{}, err
	}
	if err := address.readSettings(parsed); err != nil {
		return Address{}, err
	}
	escaped := strings.TrimPrefix(parsed.EscapedPath(), "/")
	database, err := url.PathUnescape(escaped)
	if err != nil || strings.Contains(escaped, "/") {
		return Address{}, errShape
	}
	if database == "" {
		return Address{}, errDatabase
	}
	address.Database = database
	for _, part := range []string{address.User, address.Host, address.Instance, address.Database} {
		if clean.Text(part, len(part)) != part {
			return Address{}, errHidden
		}
	}
	return address, nil
}

func (a *Address) readPort(parsed *url.URL) error {
	text := parsed.Port()
	if text == "" {
		if strings.HasSuffix(parsed.Host, ":") {
			return errPort
		}
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return errPort
	}
	a.Port = uint16(port)
	return nil
}

// readSettings takes the one setting that is part of an address.
func (a *Address) readSettings(parsed *url.URL) error {
	settings, err := url.ParseQuery(parsed.RawQuery)
	if err != nil || len(settings) > 1 {
		return errSettings
	}
	if len(settings) == 0 {
		return nil
	}
	instance := settings["instance"]
	if a.Dialect != SQLServer || len(instance) != 1 || instance[0] == "" || parsed.Port() != "" {
		return errSettings
	}
	a.Instance, a.Port = instance[0], 0
	return nil
}

// Server is host and port, or host and instance, for messages.
func (a Address) Server() string {
	if a.Instance != "" {
		return a.Host + `\` + a.Instance
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
}

// Where is as short as it can be: the host, with its port only where that is not the
// usual one.
func (a Address) Where() string {
	if usual, ok := schemeOf(string(a.Dialect)); ok && usual.port == a.Port {
		return a.Host
	}
	return a.Server()
}

// String is the database and its server.
func (a Address) String() string { return "database " + a.Database + " at " + a.Server() }
