package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectTimeout = 10 * time.Second
	// postgresConnections are enough for a run: it does one thing after the other, but
	// for notes of what became of deliveries.
	postgresConnections = 4
)

// sessionTimeouts bound what may hold up others, or this process, unless the DSN sets
// them itself. A process that was stopped in the middle of a transaction must not keep
// the lock of the writers.
var sessionTimeouts = []struct{ name, value string }{
	{"lock_timeout", "10s"}, {"statement_timeout", "2min"}, {"idle_in_transaction_session_timeout", "1min"},
}

var errAmbiguousDSN = errors.New("ledger.dsn: the address is not clear: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, " +
	"with each of / ? # @ : % in the user name, the password and what follows as %2F %3F %23 %40 %3A %25")

// parsePostgres reads a DSN. No error holds any of its secrets.
func parsePostgres(dsn string) (*pgx.ConnConfig, error) {
	_, rest, found := strings.Cut(dsn, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	// A password that is not escaped ends the authority too early. What is left of it
	// would pass for the name of the host or of the database, and be shown.
	if !found || strings.Contains(rest[end:], "@") || strings.Contains(rest, "#") || strings.Count(rest[:end], "@") > 1 {
		return nil, errAmbiguousDSN
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("ledger.dsn: %s", withoutSecrets(err, rest[:end], rest[end:]))
	}
	return config, nil
}

// withoutSecrets is what pgx says of a DSN behind its quotation of it, if that repeats
// no secret.
func withoutSecrets(err error, authority, rest string) string {
	const unclear = "the address or one of its settings is not valid"
	text := err.Error()
	text = text[strings.LastIndex(text, "`: ")+1:]
	text = strings.TrimPrefix(text, ": ")
	_, query, _ := strings.Cut(rest, "?")
	values, queryErr := url.ParseQuery(query)
	if queryErr != nil {
		return unclear
	}
	secrets := slices.Concat(values["password"], values["sslpassword"])
	if user, _, found := strings.Cut(authority, "@"); found {
		_, password, _ := strings.Cut(user, ":")
		plain, escapeErr := url.PathUnescape(password)
		if escapeErr != nil {
			return unclear
		}
		secrets = append(secrets, password, plain)
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return unclear
		}
	}
	return text
}

// namePostgres is the server and the database, and neither user nor password.
func namePostgres(dsn string) string {
	config, err := parsePostgres(dsn)
	if err != nil {
		return "postgres"
	}
	return "postgres://" + net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database
}

func connectPostgres(dsn string) (*sql.DB, error) {
	config, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	// A server that has vanished is noticed within about a minute.
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 10 * time.Second, Count: 5}}
	config.DialFunc = dialer.DialContext
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "lapsewatch"
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return setTimeouts(ctx, conn.PgConn(), config.RuntimeParams)
	}))
	db.SetMaxOpenConns(postgresConnections)
	db.SetConnMaxIdleTime(time.Minute)
	return db, nil
}

// setTimeouts sets them in the session: poolers refuse them as settings of a connection.
func setTimeouts(ctx context.Context, conn *pgconn.PgConn, chosen map[string]string) error {
	var statements strings.Builder
	for _, timeout := range sessionTimeouts {
		if chosen[timeout.name] == "" {
			fmt.Fprintf(&statements, "SET %s = '%s';", timeout.name, timeout.value)
		}
	}
	_, err := conn.Exec(ctx, statements.String()).ReadAll()
	return err
}
