package sqlread_test

import (
	"strings"
	"testing"
	"unicode"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

func TestAnAddressIsReadFromItsURL(t *testing.T) {
	cases := []struct {
		text, server, where string
		want                sqlread.Address
	}{
		{"postgres://watch@db.example.com/app", "db.example.com:5432", "db.example.com",
			sqlread.Address{Dialect: sqlread.PostgreSQL, User: "watch", Host: "db.example.com", Port: 5432, Database: "app"}},
		{"postgresql://watch@[2001:db8::7]:6432/app", "[2001:db8::7]:6432", "[2001:db8::7]:6432",
			sqlread.Address{Dialect: sqlread.PostgreSQL, User: "watch", Host: "2001:db8::7", Port: 6432, Database: "app"}},
		{"mysql://w%40tch@db/my%2Fapp", "db:3306", "db",
			sqlread.Address{Dialect: sqlread.MySQL, User: "w@tch", Host: "db", Port: 3306, Database: "my/app"}},
		{"MariaDB://watch@db:3307/app", "db:3307", "db:3307",
			sqlread.Address{Dialect: sqlread.MySQL, User: "watch", Host: "db", Port: 3307, Database: "app"}},
		{"sqlserver://CORP%5Cwatch@db/app", "db:1433", "db",
			sqlread.Address{Dialect: sqlread.SQLServer, User: `CORP\watch`, Host: "db", Port: 1433, Database: "app"}},
		{"sqlserver://watch@db/app?instance=PROD", `db\PROD`, `db\PROD`,
			sqlread.Address{Dialect: sqlread.SQLServer, User: "watch", Host: "db", Instance: "PROD", Database: "app"}},
	}
	for _, c := range cases {
		t.Run(c.text, func(t *testing.T) {
			got, err := sqlread.ParseAddress(c.text)
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, c.want)
			}
			if got.Server() != c.server || got.Where() != c.where {
				t.Errorf("the server is %s and it is at %s, want %s and %s", got.Server(), got.Where(), c.server, c.where)
			}
		})
	}
}

// canary is a password that must not be seen anywhere.
const canary = "canary-5f0d2c"

func TestAnAddressThatIsNotClearIsRefusedWithoutRepeatingIt(t *testing.T) {
	const shape = "the address is not clear"
	cases := []struct{ name, text, want string }{
		{"a password", "postgres://u:" + canary + "@db/app", "it holds a password"},
		{"an empty password", "postgres://u:@db/app", "it holds a password"},
		{"a password with a slash", "postgres://u:1/" + canary + "@db/app", shape},
		{"a password with a question mark", "mysql://u:1?" + canary + "@db/app", shape},
		{"a password with a hash", "mysql://u:1#" + canary + "@db/app", shape},
		{"a password with an at sign", "sqlserver://u:a@" + canary + "@db/app", shape},
		{"a password with a percent sign", "sqlserver://u:%" + canary + "@db/app", "it holds a password"},
		{"a password behind the question mark", "postgres://u@db/app?password=" + canary, "no settings may stand behind ?"},
		{"an unknown setting", "postgres://u@db/app?sslmode=" + canary, "no settings may stand behind ?"},
		{"an instance of PostgreSQL", "postgres://u@db/app?instance=" + canary, "no settings may stand behind ?"},
		{"an instance and a port", "sqlserver://u@db:1433/app?instance=" + canary, "no settings may stand behind ?"},
		{"an unknown scheme", "oracle://u:" + canary + "@db/app", "want postgres://"},
		{"no scheme", canary, "want postgres://"},
		{"no user", "postgres://db/" + canary, "it names no user"},
		{"no host", "postgres://" + canary + "@/app", "it names no host"},
		{"no database", "postgres://" + canary + "@db/", "it names no database"},
		{"two databases", "postgres://u@db/app/" + canary, shape},
		{"a port that is none", "postgres://u@db:" + canary + "/app", shape},
		{"port zero", "postgres://u@db:0/app", "the port is no number"},
		{"an empty port", "postgres://u@db:/app", "the port is no number"},
		{"a port that is too large", "postgres://u@db:65536/app", "the port is no number"},
		{"a NUL in the user", "postgres://u%00" + canary + "@db/app", "cannot be seen"},
		{"a line break in the database", "postgres://u@db/app%0A" + canary, "cannot be seen"},
		{"a text without end", "postgres://u@db/" + strings.Repeat("x", 3000), shape},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := sqlread.ParseAddress(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestDatabaseOptionsAreHeldToEachOther(t *testing.T) {
	const url = "postgres://u@db/app"
	cases := []struct {
		name     string
		database sqlread.Database
		want     string
	}{
		{"the least", sqlread.Database{URL: url}, ""},
		{"everything", sqlread.Database{URL: url, Password: watch.SecretRef{Env: "X"}, TLS: sqlread.VerifyFull, CAFile: "ca.pem"}, ""},
		{"an unknown mode", sqlread.Database{URL: url, TLS: "prefer"}, `tls: "prefer": want verify-full, require or disable`},
		{"authorities that nobody asks", sqlread.Database{URL: url, TLS: sqlread.Require, CAFile: "ca.pem"}, "ca_file: has a use only with tls: verify-full"},
		{"two places of the password", sqlread.Database{URL: url, Password: watch.SecretRef{Env: "X", File: "x"}},
			"password: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"no address", sqlread.Database{}, "url: want postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or sqlserver://USER@HOST/DATABASE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			for _, fault := range c.database.Faults() {
				said = append(said, fault.Error())
			}
			if got := strings.Join(said, "; "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"postgres://u@h/d", "mysql://u%40@[::1]:1/d%2f", "sqlserver://u@h/d?instance=x", "postgres://u:p@h/d", "mysql://u@h:0/d#x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := sqlread.ParseAddress(text)
		if err != nil {
			return
		}
		if address.User == "" || address.Host == "" || address.Database == "" || (address.Port == 0) == (address.Instance == "") {
			t.Fatalf("%q was read as %+v", text, address)
		}
		for _, part := range []string{address.User, address.Host, address.Database, address.Instance} {
			if strings.ContainsFunc(part, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
				t.Fatalf("%q holds what cannot be seen: %q", text, part)
			}
		}
		authority, _, _ := strings.Cut(text[strings.Index(text, "://")+3:], "/")
		if user, _, found := strings.Cut(authority, "@"); !found || strings.Contains(user, ":") {
			t.Fatalf("%q was taken although it holds a password, or no user", text)
		}
	})
}

// within reads a quoted name as the servers do, and what stands behind it.
func within(dialect sqlread.Dialect, quoted string) (name, rest string) {
	closing := map[sqlread.Dialect]string{sqlread.PostgreSQL: `"`, sqlread.MySQL: "`", sqlread.SQLServer: "]"}[dialect]
	rest = quoted[1:]
	for {
		part, behind, _ := strings.Cut(rest, closing)
		name += part
		if !strings.HasPrefix(behind, closing) {
			return name, behind
		}
		name, rest = name+closing, behind[1:]
	}
}

func FuzzQuote(f *testing.F) {
	for _, name := range []string{"", "a", `a"b`, "a`b", "a]b", `"; DROP TABLE x; --`, "]]", "``", `""`, "\x00\"", `\"`} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, dialect := range []sqlread.Dialect{sqlread.PostgreSQL, sqlread.MySQL, sqlread.SQLServer} {
			quoted := dialect.Quote(name)
			if got, rest := within(dialect, quoted); got != strings.ReplaceAll(name, "\x00", "") || rest != "" {
				t.Fatalf("%s: %q became %s, which is %q with %q behind it", dialect, name, quoted, got, rest)
			}
		}
	})
}

func TestNamesAreQuotedInTheWayOfTheServer(t *testing.T) {
	cases := map[sqlread.Dialect]string{
		sqlread.PostgreSQL: "\"a\"\"b\".\"c`]\"",
		sqlread.MySQL:      "`a\"b`.`c``]`",
		sqlread.SQLServer:  "[a\"b].[c`]]]",
	}
	for dialect, want := range cases {
		if got := dialect.QuoteAll(`a"b`, "c`]"); got != want {
			t.Errorf("%s: got %s, want %s", dialect, got, want)
		}
	}
}
