package records

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // containers without a zone database read columns in zones too

	"lapsewatch/internal/sqlread"
	"lapsewatch/watch"
)

// Options are the options of a `kind: records` check.
type Options struct {
	Database         sqlread.Database `yaml:"database" jsonschema:"required" jsonschema_description:"the database to read"`
	Tables           []Table          `yaml:"tables" jsonschema:"required,minItems=1" jsonschema_description:"the tables and columns to look at"`
	Tolerance        watch.Duration   `yaml:"tolerance,omitempty" jsonschema_description:"how far ahead of now a date may lie, such as 5m (the default)"`
	StatementTimeout watch.Duration   `yaml:"statement_timeout,omitempty" jsonschema_description:"limit of one statement, such as 5s (the default), and twice that of the wait for a lock"`
	Samples          int              `yaml:"samples" jsonschema:"minimum=0,maximum=100" jsonschema_description:"how many rows to name by their ids; 0 names none; default 10"`
}

// Table is a table or view and what to look at in it.
type Table struct {
	Name      sqlread.TableName `yaml:"table" jsonschema:"required" jsonschema_description:"the table, SCHEMA.TABLE or TABLE, as the catalog of the database spells it; a name with a dot stands in double quotes"`
	Columns   []string          `yaml:"columns" jsonschema:"required,minItems=1" jsonschema_description:"columns with the dates that must not lie ahead"`
	ID        []string          `yaml:"id,omitempty" jsonschema_description:"columns that tell rows apart; default: the primary key"`
	Zone      string            `yaml:"zone,omitempty" jsonschema_description:"IANA time zone of columns without one, such as America/Sao_Paulo; default UTC"`
	Epoch     string            `yaml:"epoch,omitempty" jsonschema:"enum=s,enum=ms,enum=us,enum=ns" jsonschema_description:"what integer columns count since 1970: s, ms, us or ns"`
	Tolerance watch.Duration    `yaml:"tolerance,omitempty" jsonschema_description:"how far ahead of now a date of this table may lie; default: that of the check"`
}

const (
	defaultTolerance = 5 * time.Minute
	defaultStatement = 5 * time.Second
	defaultSamples   = 10

	maxTables    = 200
	maxColumns   = 50
	maxIDs       = 8
	maxSamples   = 100
	maxStatement = 10 * time.Minute
	maxTolerance = 3660 * 24 * time.Hour
)

func defaults() Options {
	return Options{Tolerance: watch.Duration(defaultTolerance), StatementTimeout: watch.Duration(defaultStatement), Samples: defaultSamples}
}

var (
	errNoTables  = errors.New("there is nothing to look at: give at least one table")
	errNoColumns = errors.New("give at least one column")
	errZone      = errors.New("is no time zone of the IANA database, such as America/Sao_Paulo")
	errEpoch     = errors.New("want s, ms, us or ns")
	errStatement = fmt.Errorf("want 1ms to %s", maxStatement)
	errTolerance = fmt.Errorf("want no more than %d days", maxTolerance/(24*time.Hour))
	errSamples   = fmt.Errorf("want 0 to %d", maxSamples)
	errUnnamed   = errors.New("give the table's name")
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
	if o.Tolerance < 0 || time.Duration(o.Tolerance) > maxTolerance {
		wrong("tolerance", errTolerance)
	}
	if o.Samples < 0 || o.Samples > maxSamples {
		wrong("samples", errSamples)
	}
	if len(o.Tables) == 0 {
		wrong("tables", errNoTables)
	}
	if len(o.Tables) > maxTables {
		wrong("tables", fmt.Errorf("%d tables are more than %d", len(o.Tables), maxTables))
	}
	places := map[string]string{}
	for i, table := range o.Tables {
		table.check(fmt.Sprintf("tables[%d]", i), places, wrong)
	}
	return errors.Join(faults...)
}

// check reports what is wrong with a table. places holds where each column stands first.
func (t Table) check(at string, places map[string]string, wrong func(string, error)) {
	if t.Name.Table == "" {
		wrong(at+".table", errUnnamed)
	}
	if len(t.Columns) == 0 {
		wrong(at+".columns", errNoColumns)
	}
	for key, limited := range map[string][]string{"columns": t.Columns, "id": t.ID} {
		limit := map[string]int{"columns": maxColumns, "id": maxIDs}[key]
		if len(limited) > limit {
			wrong(at+"."+key, fmt.Errorf("%d columns are more than %d", len(limited), limit))
		}
		for i, name := range limited {
			if !sqlread.Nameable(name) {
				wrong(fmt.Sprintf("%s.%s[%d]", at, key, i), sqlread.ErrName)
			}
		}
	}
	for i, column := range t.Columns {
		here := fmt.Sprintf("%s.columns[%d]", at, i)
		key := t.Name.String() + "/" + column
		if first, repeated := places[key]; repeated {
			wrong(here, fmt.Errorf("repeats %s", first))
			continue
		}
		places[key] = here
	}
	if _, err := t.zone(); err != nil {
		wrong(at+".zone", fmt.Errorf("%q %w", t.Zone, err))
	}
	if _, known := units()[t.Epoch]; !known && t.Epoch != "" {
		wrong(at+".epoch", fmt.Errorf("%q: %w", t.Epoch, errEpoch))
	}
	if t.Tolerance < 0 || time.Duration(t.Tolerance) > maxTolerance {
		wrong(at+".tolerance", errTolerance)
	}
}

// zone is that of columns without one. The machine's own zone is none to rely on.
func (t Table) zone() (*time.Location, error) {
	if t.Zone == "Local" {
		return nil, errZone
	}
	zone, err := time.LoadLocation(t.Zone)
	if err != nil {
		return nil, errZone
	}
	return zone, nil
}
