package records

import (
	"fmt"
	"slices"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/sqlread"
)

// maxRemedy is how long a remedy may be: messages and reports cut what is longer than a
// thousand runes, and nobody should run half a statement.
const maxRemedy = 900

// remedy says what to do about the rows that lie ahead, with the statement that shows them.
func (t table) remedy(name string, b bound) string {
	const steps = "Find out which host wrote them and whether its clock is right now, then correct them; nothing was changed."
	statement := t.showing(name, b)
	if statement == "" {
		return steps + " No statement that shows them is given, because a name in it cannot be shown here as it is."
	}
	shown := steps + " To look at them: `" + statement + "`"
	if len(shown) > maxRemedy {
		return steps + " No statement that shows them is given, because it is too long."
	}
	return shown
}

// showing is a statement that shows the rows that were counted, and no others, to people
// who are going to correct them. It is empty where it could not stand as it is in a
// message.
func (t table) showing(name string, b bound) string {
	var names []string
	for _, id := range t.ids {
		names = append(names, id.name)
	}
	if !slices.Contains(names, name) {
		names = append(names, name)
	}
	alterable := altered
	if t.language.dialect == sqlread.MySQL {
		// Its quotation marks are back-ticks: only names that need none can be shown.
		alterable = needsQuotes
	}
	if slices.ContainsFunc(append(slices.Clone(names), t.schema, t.Name.Table), alterable) {
		return ""
	}
	if t.language.dialect == sqlread.MySQL {
		// Behind a dot even a reserved word needs no quotation marks. Constants of
		// TIMESTAMP columns are read in the zone of the session.
		columns := make([]string, len(names))
		for i := range names {
			columns[i] = "r." + names[i]
		}
		return fmt.Sprintf("SET time_zone = '+00:00'; SELECT %s FROM %s.%s AS r WHERE %s", strings.Join(columns, ", "), t.schema, t.Name.Table, b.condition("r."+name))
	}
	quote := t.language.dialect.Quote
	columns := make([]string, len(names))
	for i := range names {
		columns[i] = quote(names[i])
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(columns, ", "), t.quoted(), b.condition(quote(name)))
}

// altered is true of names that some message or report would not show letter by letter: a
// back-tick ends the statement, and the rest steers a chat or a page.
func altered(name string) bool {
	return clean.Text(name, sqlread.MaxName) != name || strings.ContainsAny(name, "`|\\<>&@") || strings.Contains(name, "  ") || strings.Contains(name, "://")
}

// needsQuotes is true of some names that need none.
func needsQuotes(name string) bool {
	return name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) || name[0] >= '0' && name[0] <= '9'
}
