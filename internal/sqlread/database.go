package sqlread

import (
	"errors"
	"fmt"

	"lapsewatch/watch"
)

// Database says where a database is and how to sign in.
type Database struct {
	URL      string          `yaml:"url" jsonschema:"required" jsonschema_description:"where the database is, without a password: postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE (MariaDB too) or sqlserver://USER@HOST/DATABASE; a port stands behind the host"`
	Password watch.SecretRef `yaml:"password,omitempty" jsonschema_description:"where the password is kept; read at each use"`
	TLS      TLSMode         `yaml:"tls,omitempty" jsonschema:"enum=verify-full,enum=require,enum=disable" jsonschema_description:"verify-full (default), require (encrypted, but any certificate will do) or disable"`
	CAFile   string          `yaml:"ca_file,omitempty" jsonschema_description:"PEM file of the authorities to trust instead of the system's"`
}

// TLSMode is how the connection is protected, in PostgreSQL's words (sslmode).
type TLSMode string

// The modes. The zero value is VerifyFull.
const (
	// VerifyFull wants TLS and a certificate that is valid for the host.
	VerifyFull TLSMode = "verify-full"
	// Require wants TLS and takes any certificate: whoever stands on the path can pose as
	// the server, and learn the password unless that is PostgreSQL's.
	Require TLSMode = "require"
	// Disable speaks in the clear. SQL Server's sign-in is still encrypted where the
	// server can.
	Disable TLSMode = "disable"
)

var (
	errMode       = errors.New("want verify-full, require or disable")
	errIdleCAFile = errors.New("has a use only with tls: verify-full")
)

// Faults lists what is wrong, each with the key it concerns ("url").
func (d Database) Faults() []*watch.FieldError {
	var faults []*watch.FieldError
	wrong := func(key string, err error) { faults = append(faults, &watch.FieldError{Path: key, Err: err}) }
	if _, err := d.Address(); err != nil {
		wrong("url", err)
	}
	if !d.Password.IsZero() {
		if err := d.Password.Validate(); err != nil {
			wrong("password", err)
		}
	}
	switch d.mode() {
	case VerifyFull:
	case Require, Disable:
		if d.CAFile != "" {
			wrong("ca_file", errIdleCAFile)
		}
	default:
		wrong("tls", fmt.Errorf("%q: %w", d.TLS, errMode))
	}
	return faults
}

// Address reads the URL. Its error does not repeat it: it may hold a password.
func (d Database) Address() (Address, error) { return ParseAddress(d.URL) }

func (d Database) mode() TLSMode {
	if d.TLS == "" {
		return VerifyFull
	}
	return d.TLS
}
