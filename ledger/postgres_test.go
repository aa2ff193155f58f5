package ledger

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

// canary is a password that nothing may show.
const canary = "c4nary"

func wantNoCanary(t testing.TB, what any) {
	t.Helper()
	for _, text := range []string{fmt.Sprint(what), fmt.Sprintf("%+v", what)} {
		if strings.Contains(text, canary) {
			t.Errorf("it shows the password: %s", text)
		}
	}
	// Nor may an error carry it along for somebody else to show.
	if err, ok := what.(error); ok {
		if text := fmt.Sprintf("%#v", err); strings.Contains(text, canary) {
			t.Errorf("an error holds the password: %s", text)
		}
		wantNoCanary(t, errors.Unwrap(err))
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				wantNoCanary(t, err)
			}
		}
	}
}

func TestThePasswordOfADSNIsShownNowhere(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:" + canary + "@127.0.0.1:1/db?sslmode=disable",
		"postgresql://u:" + canary + "@127.0.0.1:1,127.0.0.1:2/db",
		"postgres://u@127.0.0.1:1/db?password=" + canary,
		"postgres://u:" + canary + "@/db?host=/nowhere",
		"postgres://u:" + canary + "@127.0.0.1:1/db?sslmode=wrong",
		"postgres://u:" + canary + "@127.0.0.1:1/db?sslrootcert=/nowhere/" + canary,
		"postgres://u:" + canary + "@127.0.0.1:1/db?connect_timeout=" + canary,
		"postgres://u:" + canary + "@127.0.0.1:port/db",
		"postgres://u:a/" + canary + "@127.0.0.1/db",
		"postgres://u:1/" + canary + "@127.0.0.1/db",
		"postgres://u:1?" + canary + "@127.0.0.1/db",
		"postgres://u:1#" + canary + "@127.0.0.1/db",
		"postgres://u:1#" + canary,
		"postgres://u:a@" + canary + "@127.0.0.1/db",
		"postgres://u:%zz" + canary + "@127.0.0.1/db",
		"postgres:u:" + canary,
		"host=127.0.0.1 password=" + canary,
		"mysql://u:" + canary + "@127.0.0.1/db",
		canary,
	} {
		_, err := Open(t.Context(), dsn)
		_, peekErr := Peek(t.Context(), dsn)
		l, loss, lossErr := OpenOrReplace(t.Context(), dsn, day(0))
		if err == nil || peekErr == nil {
			t.Errorf("%s can be opened", dsn)
		}
		wantNoCanary(t, err)
		wantNoCanary(t, peekErr)
		if loss != nil {
			wantNoCanary(t, loss.Cause)
			wantNoCanary(t, l.name)
			_ = l.Close()
		} else {
			wantNoCanary(t, lossErr)
		}
	}
}

func TestTheNameOfALedgerOnAServerIsServerAndDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:" + canary + "@db.example.com/lapsewatch":               "postgres://db.example.com:5432/lapsewatch",
		"postgresql://u@[2001:db8::1]:6432/lapsewatch?search_path=lapsewatch": "postgres://[2001:db8::1]:6432/lapsewatch",
	} {
		if got := namePostgres(dsn); got != want {
			t.Errorf("name %s, want %s", got, want)
		}
	}
	_, err := Open(t.Context(), "postgres://u:"+canary+"@127.0.0.1:1/db?sslmode=disable")
	if err == nil || !strings.HasPrefix(err.Error(), "open ledger postgres://127.0.0.1:1/db: connect: ") || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	l, loss, err := OpenOrReplace(t.Context(), "postgres://u@"+silent.Addr().String()+"/db?sslmode=disable&connect_timeout=1", day(0))
	if err != nil || !loss.Ephemeral || !strings.Contains(loss.Cause.Error(), "timeout") {
		t.Fatalf("loss %+v, %v", loss, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestProcessesThatBeginTogetherOnAnEmptyServerAllSucceed(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	var processes sync.WaitGroup
	for n := range 6 {
		processes.Go(func() {
			l, err := Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = l.Record(t.Context(), passAt(day(n), warned("a")), policy.Telling{}, somebody)
			if err := errors.Join(err, l.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	processes.Wait()
	runs, err := openDSN(t, dsn).Runs(t.Context(), 10)
	if err != nil || len(runs) != 6 {
		t.Errorf("runs %v, %v", runs, err)
	}
}

// A process was killed between marking the schema and making the tables.
func TestASchemaThatWasOnlyMarkedIsMadeComplete(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	db, err := connectPostgres(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(markPostgres(t.Context(), db), db.Close()); err != nil {
		t.Fatal(err)
	}
	peeked, err := Peek(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	_ = peeked.Close()
	wantTold(t, record(t, openDSN(t, dsn), passAt(day(0), warned("a")), somebody).Events, "opened sites/a: warning")
}

func TestTwoLedgersInSchemasOfOneDatabaseKnowNothingOfEachOther(t *testing.T) {
	t.Parallel()
	first, second := openDSN(t, freshSchema(t, "")), openDSN(t, freshSchema(t, ""))
	record(t, first, passAt(day(0), warned("a")), somebody)
	acquire(t, first, "first", time.Minute)
	acquire(t, second, "second", time.Minute)
	wantTold(t, record(t, second, passAt(day(0), warned("a")), somebody).Events, "opened sites/a: warning")
}

func TestF16_AServerThatIsNotSoundIsLeftAndTheRunWarnsAllTheSame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statements []string
		kind       error
		words      string
	}{
		"a newer schema":               {[]string{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`}, ErrNewer, "schema 99, this version knows up to 4"},
		"another application's tables": {[]string{`DROP TABLE lapsewatch_ledger`}, ErrForeign, "has tables of another application (changes, deliveries, "},
		"another application's mark":   {[]string{`UPDATE lapsewatch_ledger SET application = 'other'`}, ErrForeign, `is marked as "other"'s`},
		"a schema without its version": {[]string{`DELETE FROM goose_db_version WHERE version_id > 0`}, ErrDamaged, "no schema version"},
		"a schema without its history": {[]string{`DROP TABLE goose_db_version`}, ErrDamaged, "goose_db_version"},
		"a table that is missing":      {[]string{`DROP TABLE runs CASCADE`}, ErrDamaged, `"runs" does not exist`},
		"a mark without its row":       {[]string{`DELETE FROM lapsewatch_ledger`}, ErrDamaged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := freshSchema(t, "")
			l := openDSN(t, dsn)
			for _, statement := range test.statements {
				change(t, l, statement)
			}
			_, err := Open(t.Context(), dsn)
			wantError(t, err, test.kind, "open ledger postgres://", test.words)
			_, err = Peek(t.Context(), dsn)
			wantError(t, err, test.kind, "copy ledger postgres://", test.words)
			kept, loss, err := OpenOrReplace(t.Context(), dsn, day(0))
			if err != nil || !loss.Ephemeral {
				t.Fatalf("loss %+v, %v", loss, err)
			}
			defer func() { _ = kept.Close() }()
			wantError(t, loss.Cause, test.kind, test.words)
			wantTold(t, record(t, kept, passAt(day(0), warned("a")), somebody).Events, "reminder sites/a: warning (record lost)")
		})
	}
}

func TestF16_AColumnThatIsMissingIsDamage(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		change(t, l, `ALTER TABLE findings RENAME COLUMN known TO lost`)
		_, err := l.Record(t.Context(), passAt(day(0), warned("a")), policy.Telling{}, somebody)
		wantError(t, err, ErrDamaged, "known")
	})
}

func TestASchemaThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), postgres.database().URL+"&search_path=nowhere")
	if err == nil || !strings.Contains(err.Error(), "no schema of the search_path exists: create one, and name it in ledger.dsn as search_path") {
		t.Errorf("error %v", err)
	}
}

// role makes a role with its rights in the schema of a DSN, and gives the DSN for it.
func role(t testing.TB, dsn, rights string) string {
	t.Helper()
	_, schema, _ := strings.Cut(dsn, "search_path=")
	name := "r" + schema
	asSuperuser(t, `CREATE ROLE `+name+` LOGIN`, `GRANT USAGE ON SCHEMA `+schema+` TO `+name)
	if rights != "" {
		asSuperuser(t, fmt.Sprintf(rights, schema, name))
	}
	return strings.Replace(dsn, "postgres@", name+"@", 1)
}

func TestF16_ARoleThatMayNotWriteIsRefusedAndMayPeek(t *testing.T) {
	t.Parallel()
	made := freshSchema(t, "")
	record(t, openDSN(t, made), passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
	for name, dsn := range map[string]string{
		"a role that may only read":    role(t, made, `GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %s`),
		"a session that may only read": made + "&default_transaction_read_only=on",
	} {
		_, err := Open(t.Context(), dsn)
		wantError(t, err, ErrReadOnly, "name the primary server, and give the role the rights that docs/ledger.md lists")
		l, err := Peek(t.Context(), dsn)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		outcome, err := l.Preview(t.Context(), passAt(day(1), warned("a"), warned("b")), policy.Telling{}, somebody)
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		wantTold(t, outcome.Events, "opened sites/b: warning")
	}
	empty := freshSchema(t, "")
	_, err := Open(t.Context(), role(t, empty, ""))
	wantError(t, err, ErrReadOnly, "make the tables: ", "permission denied for schema")
}

func TestTheRightsThatTheDocumentationListsAreEnough(t *testing.T) {
	t.Parallel()
	made := freshSchema(t, "")
	openDSN(t, made)
	l := openDSN(t, role(t, made, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s`))
	acquire(t, l, "run", time.Minute)
	outcome := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
	_, pruneErr := l.Prune(t.Context(), day(400))
	if err := errors.Join(l.Sent(t.Context(), outcome.Digests[0].ID, "250 OK", day(0)), l.Finish(t.Context(), outcome.Run, day(0)), pruneErr); err != nil {
		t.Error(err)
	}
	dsn := freshSchema(t, "")
	record(t, openDSN(t, role(t, dsn, `GRANT CREATE ON SCHEMA %s TO %s`)), passAt(day(0), warned("a")), somebody)
}

func TestPeekChangesNothingOnTheServer(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	peek := func(want ...string) {
		t.Helper()
		l, err := Peek(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := l.Preview(t.Context(), passAt(day(1), warned("a"), warned("b")), policy.Telling{}, somebody)
		if err := errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		wantTold(t, outcome.Events, want...)
	}
	peek("opened sites/a: warning", "opened sites/b: warning")
	db, err := connectPostgres(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if state, err := inspectPostgres(t.Context(), db); err != nil || state != (postgresState{}) {
		t.Errorf("the schema now is %+v, %v", state, err)
	}
	l := openDSN(t, dsn)
	outcome := record(t, l, passAt(day(0), warned("a")), tell(day(0), "ops@example.com"))
	if err := errors.Join(l.Memory("sites", nowIs(0)).Remember(t.Context(), "k", []byte("v")), l.Failed(t.Context(), outcome.Digests[0].ID, "timed out", day(0))); err != nil {
		t.Fatal(err)
	}
	before := contents(t, l)
	peek("opened sites/b: warning")
	if contents(t, l) != before {
		t.Error("the store was changed")
	}
	copied, err := Peek(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	if diff := cmp.Diff(due(t, l, day(0)), due(t, copied, day(0))); diff != "" {
		t.Error(diff)
	}
}

func TestF16_AFullServerLeavesTheLedgerAsItWas(t *testing.T) {
	t.Parallel()
	l := openDSN(t, freshSchema(t, ""))
	record(t, l, passAt(day(0), warned("a")), somebody)
	change(t, l, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
	change(t, l, `CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()`)
	before := contents(t, l)
	_, err := l.Record(t.Context(), passAt(day(1), fine("a")), policy.Telling{}, somebody)
	wantError(t, err, ErrFull, "could not extend file", "make room on the server")
	if contents(t, l) != before {
		t.Error("something was recorded")
	}
}

func TestAWriterOnAServerThatMustWaitTooLongSaysWhy(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	first, second := openDSN(t, dsn), openDSN(t, dsn+"&lock_timeout=50ms")
	tx, err := first.db.BeginTx(t.Context(), nil)
	if err == nil {
		err = first.dialect.lock(t.Context(), tx)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.Record(t.Context(), passAt(day(0), warned("a")), policy.Telling{}, somebody)
	wantError(t, err, ErrBusy, "canceling statement due to lock timeout", "run one pass at a time")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	record(t, second, passAt(day(0), warned("a")), somebody)
}

// The server ends the connection in the middle of a pass.
func TestAConnectionThatBreaksRecordsNothing(t *testing.T) {
	t.Parallel()
	dsn := freshSchema(t, "")
	l := openDSN(t, dsn)
	record(t, l, passAt(day(0), warned("a")), somebody)
	before := contents(t, l)
	broken := func(events []watch.Event) []policy.Digest {
		_, schema, _ := strings.Cut(dsn, "search_path=")
		asSuperuser(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lapsewatch' AND state = 'idle in transaction'
			AND pid IN (SELECT pid FROM pg_locks JOIN pg_class c ON c.oid = relation JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '`+schema+`')`)
		return somebody(events)
	}
	if _, err := l.Record(t.Context(), passAt(day(1), fine("a")), policy.Telling{}, broken); err == nil || !strings.Contains(err.Error(), "terminating connection due to administrator command") {
		t.Errorf("error %v", err)
	}
	if contents(t, l) != before {
		t.Error("something was recorded")
	}
	wantTold(t, record(t, l, passAt(day(1), fine("a")), somebody).Events, "resolved sites/a: ok (corrected)")
}

func TestATransactionThatOthersGotInTheWayOfIsDoneAgain(t *testing.T) {
	t.Parallel()
	l := openDSN(t, freshSchema(t, ""))
	tries := 0
	change(t, l, `CREATE SEQUENCE tries`)
	change(t, l, `CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = 'deadlock_detected'; END IF; RETURN NEW; END $$`)
	change(t, l, `CREATE TRIGGER deadlock BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION deadlock()`)
	outcome, err := l.Record(t.Context(), passAt(day(0), warned("a")), policy.Telling{}, func(events []watch.Event) []policy.Digest {
		tries++
		return somebody(events)
	})
	if err != nil || tries != 3 || len(outcome.Events) != 1 {
		t.Errorf("%d tries, %v, %v", tries, told(outcome.Events), err)
	}
}

func TestHostileTextReachesTheStoreAsTextThatCanBeKept(t *testing.T) {
	t.Parallel()
	const hostile = "a\x00b\xffc"
	eachStore(t, func(t *testing.T, s store) {
		l := s.new(t)
		finding := warned("a")
		finding.Message, finding.Owners = hostile, []string{hostile}
		outcome := record(t, l, passAt(day(0), finding), tell(day(0), hostile))
		id := outcome.Digests[0].ID
		redirected := policy.Digest{ID: "r", Channel: "other", Recipient: hostile, CreatedAt: day(0), Note: hostile}
		_, redirectErr := l.Redirect(t.Context(), id, []policy.Digest{redirected}, day(1))
		_, leaseErr := l.Acquire(t.Context(), hostile, time.Minute, nowIs(0))
		m := l.ChannelMemory("jira", nowIs(0))
		err := errors.Join(redirectErr, leaseErr, m.Remember(t.Context(), hostile, []byte(hostile)),
			l.Acknowledge(t.Context(), "sites/a", watch.Acknowledgement{By: hostile, Reason: hostile, At: day(0), Until: day(1)}),
			l.Failed(t.Context(), id, hostile, day(0)), l.Sent(t.Context(), "r", hostile, day(0)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.Recall(t.Context(), hostile); err != nil || string(got) != hostile {
			t.Errorf("recalled %q, %v", got, err)
		}
		if got := due(t, l, day(0)); len(got) != 1 || got[0].Recipient != "ab\uFFFDc" || got[0].LastError != "ab\uFFFDc" {
			t.Errorf("due %+v", got)
		}
	})
}
