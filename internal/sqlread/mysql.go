package sqlread

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"lapsewatch/watch"
)

func mySQL() dialect {
	return dialect{
		connector: mySQLConnector,
		options:   sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
		before:    mySQLLimits,
		version:   `SELECT VERSION()`,
		clock: clockSource{
			statement: `SELECT UTC_TIMESTAMP(6)`, resolution: time.Microsecond,
			state: `SELECT @@GLOBAL.read_only`, stateName: "read_only",
		},
		explain: explainMySQL,
	}
}

// mySQLLimits are those of a session. The two servers name the limit of a statement, and
// count it, differently. TIMESTAMP columns are written in the session's zone.
func mySQLLimits(version string, limit time.Duration) string {
	// From 8.0.3 on the catalog would otherwise tell numbers of up to a day ago.
	statement := "/*!80003 information_schema_stats_expiry = 0, */ max_execution_time = " + milliseconds(limit)
	if strings.Contains(strings.ToLower(version), "mariadb") {
		statement = fmt.Sprintf("max_statement_time = %.3f", max(limit, time.Millisecond).Seconds())
	}
	return fmt.Sprintf("SET SESSION time_zone = '+00:00', %s, lock_wait_timeout = %s, innodb_lock_wait_timeout = %s",
		statement, seconds(limit/2), seconds(limit/2))
}

func mySQLConnector(how login) (driver.Connector, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd = how.User, how.password.Reveal()
	config.Net, config.Addr, config.DBName = "tcp", how.Server(), how.Database
	config.TLS, config.DialFunc, config.Timeout = how.tls, how.dial, how.timeout
	config.ParseTime, config.Loc = true, time.UTC
	// It would write to the standard error.
	config.Logger = &mysql.NopLogger{}
	config.ConnectionAttributes = "program_name:lapsewatch"
	return mysql.NewConnector(config)
}

func explainMySQL(err error) (meaning, bool) {
	if errors.Is(err, mysql.ErrNoTLS) {
		return meaning{reason: watch.HandshakeFailed, text: "the server offers no TLS", remedy: "Enable TLS on the server, or set tls: disable where the network is trusted."}, true
	}
	if errors.Is(err, mysql.ErrInvalidConn) {
		return meaning{reason: watch.HandshakeFailed, text: "the server closed the connection"}, true
	}
	failed, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return meaning{}, false
	}
	return ofCode(failed.Number, fmt.Sprintf("%s (error %d)", failed.Message, failed.Number), mySQLReasons()), true
}

// mySQLReasons are those of error numbers (MySQL Error Reference; MariaDB Error Codes).
func mySQLReasons() map[uint16]meaning {
	const account, right = "Check the user, the password and the host that the account is for.", "Grant the user SELECT on the table."
	const slow = "Give the table an index that begins with the column, or the check a longer statement_timeout."
	return map[uint16]meaning{
		1044: {watch.PermissionDenied, "", right},
		1045: {watch.PermissionDenied, "", account},
		1130: {watch.PermissionDenied, "", account},
		1698: {watch.PermissionDenied, "", account},
		1142: {watch.PermissionDenied, "", right},
		1143: {watch.PermissionDenied, "", right},
		1227: {watch.PermissionDenied, "", right},
		1049: {watch.NotFound, "", "Correct the database in url."},
		1146: {watch.NotFound, "", "Correct the name of the table."},
		1054: {watch.NotFound, "", "Correct the name of the column."},
		1205: {watch.TimedOut, "", "Another session holds the table's lock; look at SHOW PROCESSLIST."},
		1969: {watch.TimedOut, "", slow},
		3024: {watch.TimedOut, "", slow},
		1040: {watch.Refused, "", "The server has no connection left."},
		1129: {watch.Refused, "", "The server blocked this host after too many errors; FLUSH HOSTS lets it in again."},
		1792: {watch.Unreadable, "", "It writes when it is read, which is refused; name the table behind it."},
	}
}
