package config

import (
	"errors"
	"net/url"
	"strings"
)

// DSN names the ledger's database: "sqlite:FILE" or "postgres://…".
type DSN string

const sqliteScheme = "sqlite:"

var (
	errDSN         = errors.New("want sqlite:FILE, such as sqlite:/var/lib/lapsewatch/lapsewatch.db, or postgres://USER@HOST/DATABASE")
	errDSNPassword = errors.New("it holds a password: keep the whole of it in a secret and name that, as ledger.dsn_from: {file: PATH} or {env: NAME}")
)

// UnmarshalText reads a DSN. Its error does not repeat it: it may hold a password.
func (d *DSN) UnmarshalText(text []byte) error {
	dsn := DSN(text)
	switch {
	case dsn.InFile() && dsn.File() != "":
	case !dsn.postgres():
		return errDSN
	case dsn.holdsPassword():
		return errDSNPassword
	}
	*d = dsn
	return nil
}

func (d DSN) postgres() bool {
	address, err := url.Parse(string(d))
	return err == nil && (address.Scheme == "postgres" || address.Scheme == "postgresql")
}

func (d DSN) holdsPassword() bool {
	address, err := url.Parse(string(d))
	if err != nil {
		return true
	}
	_, inside := address.User.Password()
	query := address.Query()
	return inside || query.Has("password") || query.Has("sslpassword")
}

// InFile reports whether the database is a file.
func (d DSN) InFile() bool { return strings.HasPrefix(string(d), sqliteScheme) }

// File is the path of the database file.
func (d DSN) File() string { return strings.TrimPrefix(string(d), sqliteScheme) }

// String is the DSN without what may be secret: the file, or the server and database.
func (d DSN) String() string {
	if d.InFile() {
		return d.File()
	}
	address, err := url.Parse(string(d))
	if err != nil {
		return "postgres"
	}
	return "postgres://" + address.Host + address.Path
}
