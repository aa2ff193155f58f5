package sqlread

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"lapsewatch/watch"
)

// maxMessage bounds one message of a server: what is asked for is short.
const maxMessage = 4 << 20

func postgres() dialect {
	return dialect{
		connector: postgresConnector,
		options:   sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		within:    postgresLimits,
		version:   `SELECT current_setting('server_version')`,
		clock: clockSource{
			// now() would be the beginning of the transaction.
			statement: `SELECT clock_timestamp()`, resolution: time.Microsecond,
			state: `SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END`, stateName: "recovery",
		},
		explain: explainPostgres,
	}
}

// postgresLimits hold for the transaction alone, so that poolers pass them through. The
// search path keeps functions and operators that others made out of our statements.
func postgresLimits(_ string, limit time.Duration) string {
	settings := [][2]string{
		{"search_path", "pg_catalog"}, {"timezone", "UTC"}, {"datestyle", "ISO, YMD"},
		{"statement_timeout", milliseconds(limit)}, {"lock_timeout", milliseconds(limit / 2)},
		{"idle_in_transaction_session_timeout", milliseconds(2*limit + time.Minute)},
	}
	calls := make([]string, len(settings))
	for i, setting := range settings {
		calls[i] = fmt.Sprintf("pg_catalog.set_config('%s', '%s', true)", setting[0], setting[1])
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// postgresConnector has nothing of libpq's environment in what it uses: each field that
// matters is set here.
func postgresConnector(how login) (driver.Connector, error) {
	config, err := pgx.ParseConfig("host=localhost port=5432 user=lapsewatch password='' passfile='' connect_timeout=0 target_session_attrs=any " +
		"sslmode=disable sslrootcert='' sslcert='' sslkey='' sslcertmode=disable sslnegotiation=postgres sslsni=1 " +
		"min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''")
	if err != nil {
		// It quotes the settings above, and names a variable such as PGSERVICE.
		return nil, fmt.Errorf("the environment variables of PostgreSQL (PG…) are not valid: %w", errors.Unwrap(err))
	}
	config.Host, config.Port, config.Database = how.Host, how.Port, how.Database
	config.User, config.Password = how.User, how.password.Reveal()
	config.TLSConfig, config.Fallbacks, config.SSLNegotiation, config.SSLCertMode = how.tls, nil, "postgres", "disable"
	config.ConnectTimeout, config.DialFunc = how.timeout, how.dial
	config.RuntimeParams = map[string]string{"application_name": "lapsewatch"}
	config.MaxProtocolMessageBodyLen = maxMessage
	config.KerberosSrvName, config.KerberosSpn, config.ChannelBinding, config.RequireAuth = "", "", "prefer", ""
	if !how.verified {
		// Nobody who poses as the server may be told the password.
		config.RequireAuth = "!password"
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	// The name goes to Dial as it is, so that Dial alone decides how it is looked up.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	return stdlib.GetConnector(*config), nil
}

func explainPostgres(err error) (meaning, bool) {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			if known, ok := explainNetwork(connect.Unwrap()); ok {
				return known, true
			}
			// Its own text repeats the user and each address.
			return meaning{reason: watch.HandshakeFailed, text: innermost(err).Error()}, true
		}
		return meaning{}, false
	}
	return ofCode(failed.Code, fmt.Sprintf("%s (SQLSTATE %s)", failed.Message, failed.Code), postgresReasons()), true
}

// postgresReasons are those of SQLSTATE codes (PostgreSQL documentation, appendix A).
func postgresReasons() map[string]meaning {
	const account, right = "Check the user, the password and pg_hba.conf.", "Grant the user SELECT on the table, and USAGE on its schema."
	const slow = "Give the table an index that begins with the column, or the check a longer statement_timeout."
	return map[string]meaning{
		"28P01": {watch.PermissionDenied, "", account},
		"28000": {watch.PermissionDenied, "", account},
		"42501": {watch.PermissionDenied, "", right},
		"3D000": {watch.NotFound, "", "Correct the database in url."},
		"42P01": {watch.NotFound, "", "Correct the name of the table."},
		"42703": {watch.NotFound, "", "Correct the name of the column."},
		"3F000": {watch.NotFound, "", "Correct the name of the schema."},
		"57014": {watch.TimedOut, "", slow},
		"55P03": {watch.TimedOut, "", "Another session holds the table's lock; look at pg_stat_activity."},
		"53300": {watch.Refused, "", "The server has no connection left."},
		"57P03": {watch.Refused, "", "The server is starting or stopping."},
		"25006": {watch.Unreadable, "", "It writes when it is read, which is refused; name the table behind it."},
	}
}
