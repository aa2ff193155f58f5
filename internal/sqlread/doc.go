// Package sqlread opens PostgreSQL, MySQL, MariaDB and SQL Server for reading: where the
// database is (Database), one connection with limits on everything (Conn), transactions
// that change nothing (Conn.Read), and the server's clock (Conn.Clock).
//
// It writes nothing, keeps no connection beyond Close, knows no table, and judges
// nothing. Whatever a server says is hostile text and is cleaned; no error holds a
// password, and no address with a password in it is accepted.
package sqlread
