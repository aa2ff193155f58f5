package records

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"lapsewatch/internal/clean"
)

// TableName names a table, with its schema or without.
type TableName struct{ Schema, Table string }

var errTableName = errors.New(`want TABLE or SCHEMA.TABLE, with names that hold a dot or a space in double quotes: public.agent_status, "my.schema".log`)

// namePart is a bare name, or a quoted one in which "" stands for a quotation mark.
const namePart = `([^\s."]+|"(?:[^"]|"")+")`

var tablePattern = regexp.MustCompile(`^(?:` + namePart + `\.)?` + namePart + `$`)

// ParseTableName reads TABLE or SCHEMA.TABLE.
func ParseTableName(text string) (TableName, error) {
	parts := tablePattern.FindStringSubmatch(text)
	if parts == nil {
		return TableName{}, errTableName
	}
	name := TableName{Schema: unquoted(parts[1]), Table: unquoted(parts[2])}
	if name.Schema != "" && !nameable(name.Schema) || !nameable(name.Table) {
		return TableName{}, errName
	}
	return name, nil
}

func unquoted(part string) string {
	inner, quoted := strings.CutPrefix(part, `"`)
	if !quoted {
		return part
	}
	return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
}

// UnmarshalText reads the name as ParseTableName does.
func (n *TableName) UnmarshalText(text []byte) error {
	parsed, err := ParseTableName(string(text))
	if err == nil {
		*n = parsed
	}
	return err
}

// String is what ParseTableName reads.
func (n TableName) String() string {
	if n.Schema == "" {
		return written(n.Table)
	}
	return written(n.Schema) + "." + written(n.Table)
}

func written(name string) string {
	if strings.ContainsAny(name, ". \"") {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return name
}

// nameable: a name with what cannot be seen is a mistake, or a trap for whoever reads it.
func nameable(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= maxName && clean.Text(name, maxName) == name
}
