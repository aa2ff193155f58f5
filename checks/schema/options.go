package schema

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// Options are the options of a `kind: schema` check.
type Options struct {
	Database         sqlread.Database `yaml:"database" jsonschema:"required" jsonschema_description:"the database to read"`
	Tables           []Table          `yaml:"tables,omitempty" jsonschema_description:"tables that must number their rows"`
	Schemas          []string         `yaml:"schemas,omitempty" jsonschema_description:"schemas of which every column that numbers its rows is watched, as the catalog spells them; in MySQL and MariaDB a schema is a database"`
	Accept           []string         `yaml:"accept,omitempty" jsonschema_description:"the codes of changes that were meant, such as state-1f2e3d4c, from the remedy of the finding"`
	StatementTimeout watch.Duration   `yaml:"statement_timeout,omitempty" jsonschema_description:"limit of one statement, such as 5s (the default), and twice that of the wait for a lock"`
}

// Table is a table that must number its rows.
type Table struct {
	Name   sqlread.TableName `yaml:"table" jsonschema:"required" jsonschema_description:"the table, SCHEMA.TABLE or TABLE, as the catalog of the database spells it; a name with a dot stands in double quotes"`
	Column string            `yaml:"column,omitempty" jsonschema_description:"the column with the numbers; default: those that are numbered, or a primary key of one whole number"`
}

const (
	defaultStatement = 5 * time.Second
	maxStatement     = 10 * time.Minute
	maxTables        = 200
	maxSchemas       = 20
	maxAccepted      = 1000
	// maxNumbered is how many columns of a schema are watched. It fits what a check can
	// remember, and what one statement may yield.
	maxNumbered = 4000
	// maxWatched is how many columns a check watches in all. With their registers they are
	// fewer than the 10,000 values that a check can remember.
	maxWatched = 8000
)

func defaults() Options {
	return Options{StatementTimeout: watch.Duration(defaultStatement)}
}

var (
	errNothing   = errors.New("there is nothing to look at: give at least one table or schema")
	errStatement = fmt.Errorf("want 1ms to %s", maxStatement)
	errUnnamed   = errors.New("give the table's name")
	errCode      = errors.New("want a code such as state-1f2e3d4c, from the remedy of a finding")
	codePattern  = regexp.MustCompile(`^state-[0-9a-f]{8}$`)
)

// Validate reports what cannot be looked at, each with its place.
func (o Options) Validate() error {
	var faults []error
	wrong := func(path string, err error) { faults = append(faults, &watch.FieldError{Path: path, Err: err}) }
	for _, fault := range o.Database.Faults() {
		wrong("database."+fault.Path, fault.Err)
	}
	if o.StatementTimeout < watch.Duration(time.Millisecond) || time.Duration(o.StatementTimeout) > maxStatement {
		wrong("statement_timeout", errStatement)
	}
	if len(o.Tables)+len(o.Schemas) == 0 {
		wrong("tables", errNothing)
	}
	for _, list := range []struct {
		path, things string
		length, most int
	}{{"tables", "tables", len(o.Tables), maxTables}, {"schemas", "schemas", len(o.Schemas), maxSchemas}, {"accept", "codes", len(o.Accept), maxAccepted}} {
		if list.length > list.most {
			wrong(list.path, fmt.Errorf("%d %s are more than %d", list.length, list.things, list.most))
		}
	}
	o.checkTables(wrong)
	for i, code := range o.Accept {
		if !codePattern.MatchString(code) {
			wrong(fmt.Sprintf("accept[%d]", i), errCode)
		}
	}
	return errors.Join(faults...)
}

func (o Options) checkTables(wrong func(string, error)) {
	places := map[string]string{}
	once := func(at, key string) {
		if first, repeated := places[key]; repeated {
			wrong(at, fmt.Errorf("repeats %s", first))
			return
		}
		places[key] = at
	}
	for i, table := range o.Tables {
		at := fmt.Sprintf("tables[%d]", i)
		if table.Name.Table == "" {
			wrong(at+".table", errUnnamed)
		}
		if table.Column != "" && !sqlread.Nameable(table.Column) {
			wrong(at+".column", sqlread.ErrName)
		}
		once(at, table.Name.String()+"/"+table.Column)
	}
	for i, schema := range o.Schemas {
		at := fmt.Sprintf("schemas[%d]", i)
		if !sqlread.Nameable(schema) {
			wrong(at, sqlread.ErrName)
		}
		once(at, sqlread.Written(schema))
	}
}
