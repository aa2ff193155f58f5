package sqlread

import "strings"

// Quote makes an identifier of one name, whatever it holds, so that it is nothing but a
// name to the server. Names with NUL, which no server takes, lose it.
func (d Dialect) Quote(name string) string {
	opening, closing := `"`, `"`
	if d == MySQL {
		// Double quotes mean that only with ANSI_QUOTES.
		opening, closing = "`", "`"
	}
	if d == SQLServer {
		// Double quotes mean that only with QUOTED_IDENTIFIER.
		opening, closing = "[", "]"
	}
	name = strings.ReplaceAll(name, "\x00", "")
	return opening + strings.ReplaceAll(name, closing, closing+closing) + closing
}

// QuoteAll quotes the parts of a name and joins them with dots.
func (d Dialect) QuoteAll(parts ...string) string {
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = d.Quote(part)
	}
	return strings.Join(quoted, ".")
}
