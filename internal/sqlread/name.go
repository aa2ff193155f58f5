package sqlread

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"lapsewatch/internal/clean"
)

// TableName names a table, with its schema or without, as the catalog spells it.
type TableName struct{ Schema, Table string }

// MaxName is more than the name of a table or a column has on any server, in characters.
const MaxName = 128

var (
	errTableName = errors.New(`want TABLE or SCHEMA.TABLE, with names that hold a dot or a space in double quotes: public.mails, "my.schema".log`)
	// ErrName is why a name is refused.
	ErrName = fmt.Errorf("want a name of 1 to %d characters that can be seen", MaxName)
)

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
	if name.Schema != "" && !Nameable(name.Schema) || !Nameable(name.Table) {
		return TableName{}, ErrName
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
		return Written(n.Table)
	}
	return Written(n.Schema) + "." + Written(n.Table)
}

// Written is one name as it stands in a TableName.
func Written(name string) string {
	if strings.ContainsAny(name, ". \"") {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return name
}

// Nameable: a name with what cannot be seen is a mistake, or a trap for whoever reads it.
func Nameable(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= MaxName && clean.Text(name, MaxName) == name
}
