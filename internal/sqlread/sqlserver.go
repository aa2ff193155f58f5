package sqlread

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"lapsewatch/watch"
)

// windowsTick is the step in which the clock of Windows usually advances.
const windowsTick = 15625 * time.Microsecond

func sqlServer() dialect {
	return dialect{
		connector: sqlServerConnector,
		options:   sql.TxOptions{Isolation: sql.LevelReadCommitted},
		before: func(_ string, limit time.Duration) string {
			return "SET LOCK_TIMEOUT " + milliseconds(limit/2) + "; SET IMPLICIT_TRANSACTIONS OFF; SET XACT_ABORT ON"
		},
		version: `SELECT CONVERT(nvarchar(100), SERVERPROPERTY('ProductVersion'))`,
		clock: clockSource{
			statement: `SELECT SYSUTCDATETIME()`, resolution: windowsTick,
			state:     `SELECT CASE WHEN DATABASEPROPERTYEX(DB_NAME(), 'Updateability') = 'READ_ONLY' THEN 1 ELSE 0 END`,
			stateName: "read_only",
		},
		explain: explainSQLServer,
	}
}

// proxy lets Dial look the host up: otherwise the driver would, without a limit.
type proxy struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	host string
}

// DialContext implements mssql.Dialer.
func (p proxy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return p.dial(ctx, network, address)
}

// HostName implements mssql.HostDialer.
func (p proxy) HostName() string { return p.host }

func sqlServerConnector(how login) (driver.Connector, error) {
	config := msdsn.Config{
		Host: how.Host, Port: uint64(how.Port), Instance: how.Instance, Database: how.Database,
		User: how.User, Password: how.password.Reveal(),
		Encryption: msdsn.EncryptionRequired, TLSConfig: how.tls, HostInCertificateProvided: true,
		TrustServerCertificate: !how.verified,
		ReadOnlyIntent:         true, AppName: "lapsewatch", Workstation: "lapsewatch", NoTraceID: true,
		DisableRetry: true, DialTimeout: how.timeout, Protocols: []string{"tcp"},
		BrowserMessage: msdsn.BrowserAllInstances, Parameters: map[string]string{},
	}
	if how.tls == nil {
		// The sign-in is encrypted all the same, by whatever certificate the server has.
		config.Encryption = msdsn.EncryptionOff
	}
	tlsConfig, err := msdsn.SetupTLS("", "", !how.verified, how.Host, "1.2")
	if err != nil {
		return nil, fmt.Errorf("prepare TLS: %w", err)
	}
	if how.tls != nil {
		tlsConfig.RootCAs, tlsConfig.Time = how.tls.RootCAs, how.tls.Time
	}
	config.TLSConfig = tlsConfig
	connector := mssql.NewConnectorConfig(config)
	connector.Dialer = proxy{dial: how.dial, host: how.Host}
	return connector, nil
}

func explainSQLServer(err error) (meaning, bool) {
	failed, ok := errors.AsType[mssql.Error](err)
	if !ok {
		return meaning{}, false
	}
	meant := meaning{reason: watch.Unreadable, text: fmt.Sprintf("%s (error %d)", failed.Message, failed.Number)}
	// Of several errors the first one says why: a refused sign-in ends with a general one.
	for _, one := range append(failed.All, failed) {
		if known, ok := sqlServerReasons()[one.Number]; ok {
			return meaning{reason: known.reason, text: fmt.Sprintf("%s (error %d)", one.Message, one.Number), remedy: known.remedy}, true
		}
	}
	return meant, true
}

// sqlServerReasons are those of error numbers (Database Engine errors).
func sqlServerReasons() map[int32]meaning {
	const account, right = "Check the login, the password and the user of the database.", "Grant the user SELECT on the table."
	return map[int32]meaning{
		18456: {watch.PermissionDenied, "", account},
		18452: {watch.PermissionDenied, "", account},
		4060:  {watch.NotFound, "", "Correct the database in url, or make the login a user of it."},
		229:   {watch.PermissionDenied, "", right},
		230:   {watch.PermissionDenied, "", right},
		208:   {watch.NotFound, "", "Correct the name of the table."},
		207:   {watch.NotFound, "", "Correct the name of the column."},
		1222:  {watch.TimedOut, "", "Another session holds the table's lock; look at sys.dm_tran_locks."},
	}
}
