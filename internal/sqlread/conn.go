package sqlread

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"lapsewatch/internal/cafile"
	"lapsewatch/watch"
)

// Env is what a connection needs of the world.
type Env struct {
	// Dial opens connections; the ctx that it is given bounds it.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Secrets watch.SecretReader
	// Timeout bounds the making of a connection, and the reading of the clock.
	Timeout time.Duration
	// StatementTimeout bounds one statement; zero means Timeout.
	StatementTimeout time.Duration
	// TLSTime is the time that certificates are verified as of; nil means the own clock.
	TLSTime func() time.Time
}

// Conn is one connection to a database, which is made again where it broke. It is for one
// goroutine at a time.
type Conn struct {
	address  Address
	dialect  dialect
	password watch.Secret
	env      Env
	db       *sql.DB
	sockets  *sockets
	version  string
}

// dialect is what differs between servers.
type dialect struct {
	connector func(login) (driver.Connector, error)
	// options of a transaction; SQL Server knows none that only reads.
	options sql.TxOptions
	// before and within set the session's limits before and in a transaction.
	before, within func(version string, limit time.Duration) string
	version        string
	clock          clockSource
	explain        func(error) (meaning, bool)
}

// login is all that a driver needs to sign in.
type login struct {
	Address
	password watch.Secret
	tls      *tls.Config
	verified bool
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	timeout  time.Duration
}

func dialectOf(name Dialect) dialect {
	return map[Dialect]func() dialect{PostgreSQL: postgres, MySQL: mySQL, SQLServer: sqlServer}[name]()
}

// slack is how much longer than its server a client waits: whoever stops a statement
// should be the server, which keeps the session.
const slack = 2 * time.Second

// farewell is how long a driver may still talk when the connection ends: one that gave a
// statement up asks the server, on a connection of its own, to end it.
const farewell = time.Second

// Open connects and signs in. An error is a *Failure, unless the options are wrong.
// Whoever calls it must Close what it returns.
func Open(ctx context.Context, database Database, env Env) (*Conn, error) {
	address, err := database.Address()
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	if env.StatementTimeout <= 0 {
		env.StatementTimeout = env.Timeout
	}
	c := &Conn{address: address, dialect: dialectOf(address.Dialect), env: env, sockets: newSockets(env.Dial)}
	doing := "connect to " + address.String()
	connector, failed := c.prepare(database, doing)
	if failed != nil {
		return nil, failed
	}
	c.db = sql.OpenDB(connector)
	c.db.SetMaxOpenConns(1)
	err = c.bounded(ctx, env.Timeout, func(ctx context.Context) error {
		return c.db.QueryRowContext(ctx, c.dialect.version).Scan(&c.version)
	}, func(ctx context.Context, err error) error { return c.failure(ctx, doing, err, true) })
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// prepare reads what the connection needs of this machine: the password and the
// authorities.
func (c *Conn) prepare(database Database, doing string) (driver.Connector, error) {
	unreadable := func(err error, remedy string) *Failure {
		return &Failure{Reason: watch.Unreadable, Err: fmt.Errorf("%s: %w", doing, err), Remedy: remedy, Connecting: true}
	}
	if !database.Password.IsZero() {
		password, err := c.env.Secrets(database.Password)
		if err != nil {
			return nil, unreadable(err, "Put the password where it is looked for.")
		}
		c.password = password
	}
	how := login{Address: c.address, password: c.password, verified: database.mode() == VerifyFull, dial: c.sockets.open, timeout: c.env.Timeout}
	if database.mode() != Disable {
		how.tls = &tls.Config{
			ServerName: c.address.Host, MinVersion: tls.VersionTLS12, Time: c.env.TLSTime,
			InsecureSkipVerify: !how.verified, //nolint:gosec // the option says so
		}
	}
	if database.CAFile != "" && how.verified {
		pool, err := cafile.Pool(database.CAFile)
		if err != nil {
			return nil, unreadable(err, "Correct ca_file.")
		}
		how.tls.RootCAs = pool
	}
	connector, err := c.dialect.connector(how)
	if err != nil {
		return nil, c.failure(context.Background(), doing, err, true)
	}
	return connector, nil
}

// Address is where the database is.
func (c *Conn) Address() Address { return c.address }

// Close ends the connection, whatever state it is in. A statement that was given up has a
// second to be ended at the server. Nothing of the connection goes on afterwards.
func (c *Conn) Close() error {
	err := guard(c.db.Close)
	c.sockets.end()
	if err != nil {
		return &told{text: fmt.Sprintf("close the connection to %s: %v", c.address, innermost(err))}
	}
	return nil
}

// bounded gives work so much time. A driver that then still waits for the server loses
// its socket: some do not heed ctx while they sign in.
func (c *Conn) bounded(ctx context.Context, limit time.Duration, work func(context.Context) error, explain func(context.Context, error) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c.sockets.received.Store(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		select {
		case <-done:
		case <-time.After(slack / 4):
			c.sockets.cut()
		}
	}()
	err := guard(func() error { return work(ctx) })
	close(done)
	<-watched
	if err == nil {
		return nil
	}
	return explain(ctx, err)
}
