package email

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
)

// columns fit a terminal of 80 with the quote marks of two answers.
const columns = 76

// plainText is the mail for readers without HTML, terminals among them.
func plainText(shown digest.Digest) string {
	var out strings.Builder
	for _, opening := range []string{shown.TestNotice(), shown.Note} {
		if opening != "" {
			out.WriteString(wrap("", "", opening) + "\n")
		}
	}
	first := shown.Counts
	if shown.First != "" {
		first += " - " + shown.First
	}
	out.WriteString(wrap("", "", first))
	for _, group := range shown.Groups {
		heading := fmt.Sprintf("%s (%d)", strings.ToUpper(group.Title), len(group.Entries))
		out.WriteString("\n\n" + underlined(heading))
		for _, entry := range group.Entries {
			writeEntry(&out, entry)
		}
	}
	if len(shown.Clocks) > 0 {
		out.WriteString("\n\n" + underlined("CLOCKS") + "\n" + strings.Join(shown.Clocks, "\n") + "\n")
	}
	if shown.LeftOut > 0 {
		out.WriteString("\n" + wrap("", "", shown.Rest()))
	} else if shown.ReportURL != "" {
		fmt.Fprintf(&out, "\nThe whole report: %s\n", shown.ReportURL)
	}
	// The two hyphens and the space tell mail readers that a signature follows.
	out.WriteString("\n-- \n" + wrap("", "", shown.Footer()))
	return out.String()
}

func underlined(heading string) string {
	return heading + "\n" + strings.Repeat("=", utf8.RuneCountInString(heading)) + "\n"
}

func writeEntry(out *strings.Builder, entry digest.Entry) {
	out.WriteString("\n" + wrap("* ", "  ", fmt.Sprintf("%s [%s]", entry.Name, entry.Change)))
	out.WriteString(wrap("  ", "  ", entry.Message))
	for _, also := range entry.Also {
		out.WriteString(wrap("  also: ", "        ", also))
	}
	writeLabelled(out, "  owner: ", clean.Part{Text: entry.Owners})
	writeLabelled(out, "  to do: ", clean.Parts(entry.Remedy)...)
	writeLabelled(out, "  link:  ", clean.Part{Text: entry.Link})
	writeLabelled(out, "  check: ", clean.Part{Text: entry.Check})
}

// writeLabelled gives each command a line of its own with nothing else on it, so that
// the line can be copied as it stands.
func writeLabelled(out *strings.Builder, label string, parts ...clean.Part) {
	indent := strings.Repeat(" ", len(label))
	if len(parts) > 0 && parts[0].Command {
		out.WriteString(strings.TrimRight(label, " ") + "\n")
		label = indent
	}
	for _, part := range parts {
		switch {
		case part.Text == "":
		case part.Command:
			out.WriteString(indent + "  " + part.Text + "\n")
		default:
			out.WriteString(wrap(label, indent, part.Text))
		}
		label = indent
	}
}

// wrap breaks text between words; a word that is longer than a line, such as a link,
// stays whole.
func wrap(firstIndent, indent, text string) string {
	var out strings.Builder
	line := firstIndent
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns {
			out.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	return out.String() + line + "\n"
}
