// Package affected finds who suffers from an incident: services, customers or queues, from
// a list, a program or a query of a database. Whatever it asks is bounded in time and size
// and only reads; it decides nothing, and shows nothing of what a program complains about
// but its first line.
package affected

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/program"
	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// Source says where the names come from. Those of all its parts count.
type Source struct {
	Names   []string       `yaml:"names,omitempty" jsonschema_description:"services, customers or queues that are affected"`
	Command []string       `yaml:"command,omitempty" jsonschema_description:"absolute path of a program, and its arguments: it gets the findings as JSON on its standard input and writes one name a line; no shell reads it"`
	Query   *Query         `yaml:"query,omitempty" jsonschema_description:"a query whose first column are the names"`
	Timeout watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"bound of the program or the query, at most 1m; default 10s"`
}

// Query is one statement that only reads.
type Query struct {
	Database  sqlread.Database `yaml:"database" jsonschema:"required" jsonschema_description:"the database to read"`
	Statement string           `yaml:"statement" jsonschema:"required" jsonschema_description:"a SELECT whose first column are the names; in PostgreSQL each table stands with its schema, such as public.customers"`
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = time.Minute
	// maxNames bounds what one source may name, maxNameRunes each name.
	maxNames     = 1000
	maxNameRunes = 200
	maxStatement = 10_000
	maxWords     = 100
	saidRunes    = 200
	searchPath   = "/usr/local/bin:/usr/bin:/bin"
)

// Faults lists what is wrong, each with the key it concerns.
func (s Source) Faults() []*watch.FieldError {
	var faults []*watch.FieldError
	wrong := func(key, text string) {
		faults = append(faults, &watch.FieldError{Path: key, Err: errors.New(text)})
	}
	if len(s.Names) == 0 && len(s.Command) == 0 && s.Query == nil {
		wrong("", "nobody is named: give names, command or query")
	}
	if len(s.Names) > maxNames {
		wrong("names", fmt.Sprintf("want at most %d", maxNames))
	}
	for i, name := range s.Names {
		if strings.TrimSpace(name) == "" || clean.Text(name, maxNameRunes) != name {
			wrong(fmt.Sprintf("names[%d]", i), fmt.Sprintf("want one line of at most %d visible characters", maxNameRunes))
		}
	}
	if len(s.Command) > 0 && (!filepath.IsAbs(s.Command[0]) || len(s.Command) > maxWords) {
		wrong("command[0]", "want the absolute path of a program; `command -v NAME` prints it")
	}
	if s.Query != nil {
		for _, fault := range s.Query.Database.Faults() {
			wrong("query.database."+fault.Path, fault.Err.Error())
		}
		if strings.TrimSpace(s.Query.Statement) == "" || len(s.Query.Statement) > maxStatement {
			wrong("query.statement", fmt.Sprintf("want a SELECT of at most %d bytes", maxStatement))
		}
	}
	if s.Timeout < 0 || time.Duration(s.Timeout) > maxTimeout {
		wrong("timeout", "want at most 1m")
	}
	return faults
}

// Env is what a source may use of the world.
type Env struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Secrets watch.SecretReader
	// TLSTime is the time that certificates are verified as of; nil means the own clock.
	TLSTime func() time.Time
}

// Ask gives the names, clean, in the order in which they are found. What was found before
// an error is given with it.
func (s Source) Ask(ctx context.Context, env Env, findings []watch.Finding) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(time.Duration(s.Timeout), defaultTimeout))
	defer cancel()
	names := append([]string(nil), s.Names...)
	var problems []error
	add := func(found []string, err error) {
		for _, name := range found {
			if name = strings.TrimSpace(clean.Text(name, maxNameRunes)); name != "" && len(names) < maxNames {
				names = append(names, name)
			}
		}
		problems = append(problems, err)
	}
	if len(s.Command) > 0 {
		add(s.run(ctx, findings))
	}
	if s.Query != nil {
		add(s.query(ctx, env))
	}
	return names, errors.Join(problems...)
}

func (s Source) run(ctx context.Context, findings []watch.Finding) ([]string, error) {
	document, err := json.Marshal(map[string]any{"version": 1, "findings": findings})
	if err != nil {
		return nil, fmt.Errorf("encode what %s is asked: %w", s.Command[0], err)
	}
	environment := []string{"PATH=" + cmp.Or(os.Getenv("PATH"), searchPath)}
	result := program.Run(ctx, s.Command, environment, document)
	if result.Err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(string(result.Stderr)), "\n")
		return nil, fmt.Errorf("ask %s who is affected: %w: %s", s.Command[0], result.Err, clean.Text(said, saidRunes))
	}
	var names []string
	for line := range bytes.Lines(result.Stdout) {
		names = append(names, string(bytes.TrimRight(line, "\r\n")))
	}
	if len(result.Stdout) == program.MaxOutput && len(names) > 0 {
		// The last one may be half a name.
		return names[:len(names)-1], fmt.Errorf("ask %s who is affected: it wrote more than %d KiB, and the rest was left out", s.Command[0], program.MaxOutput>>10)
	}
	return names, nil
}

func (s Source) query(ctx context.Context, env Env) (names []string, err error) {
	limit := cmp.Or(time.Duration(s.Timeout), defaultTimeout)
	conn, err := sqlread.Open(ctx, s.Query.Database, sqlread.Env{Dial: env.Dial, Secrets: env.Secrets, Timeout: limit, StatementTimeout: limit, TLSTime: env.TLSTime})
	if err != nil {
		return nil, fmt.Errorf("ask who is affected: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Read(ctx, func(ctx context.Context, tx *sqlread.Tx) error {
		return tx.Query(ctx, "ask who is affected", func(scan func(...any) error) error {
			var name sql.NullString
			if err := scan(&name); err != nil {
				return err
			}
			if name.Valid {
				names = append(names, name.String)
			}
			return nil
		}, s.Query.Statement)
	})
	return names, err
}
