package incidents

import (
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"lapsewatch/watch"
)

const (
	// stampForm is how an instant stands in a text. It is the same in all languages, is read
	// the same by all people, and sorts.
	stampForm = "2006-01-02 15:04 UTC"
	clockForm = "15:04 UTC"
	// maxJoined bounds what join joins, in bytes.
	maxJoined = 8 << 10
	// functionRound is the meter's, which no template may call by itself.
	functionRound = "lapsewatchRound"
)

// harmless are those of the functions of text/template that a template may use: the rest
// could make texts without end, undo quotations, or fail on what only an outage brings.
func harmless() []string {
	return []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}
}

// functions are what templates may call beside the harmless ones. They take and give
// plain values, and touch nothing.
func functions(spoken language, used *meter) template.FuncMap {
	paid := func(text string) (string, error) { return text, used.pay(1 + len(text)/8) }
	return template.FuncMap{
		functionRound: func(steps int) (string, error) { return "", used.pay(steps) },
		"date":        func(instant string) (string, error) { return paid(reform(instant, time.DateOnly)) },
		"time":        func(instant string) (string, error) { return paid(reform(instant, clockForm)) },
		"days": func(count int) (string, error) {
			return paid(spoken.quantity(count, spoken.oneDay, spoken.manyDays))
		},
		"daysBetween": func(from, until string) (int, error) { return daysBetween(from, until), used.pay(1) },
		"span": func(from, until string) (string, error) {
			begin, end, ok := bothInstants(from, until)
			if !ok {
				return paid("")
			}
			return paid(spoken.span(begin, end))
		},
		"join":       func(list []string, between string) (string, error) { return paid(join(spoken, list, between)) },
		"upperFirst": func(text string) (string, error) { return paid(upperFirst(text)) },
		"plural":     func(count int, one, many string) (string, error) { return paid(spoken.plural(count, one, many)) },
		"quantity":   func(count int, one, many string) (string, error) { return paid(spoken.quantity(count, one, many)) },
		"phase":      func(phase string) (string, error) { return paid(orItself(spoken.phases, watch.Phase(phase))) },
		"status": func(status string) (string, error) {
			return paid(orItself(spoken.statuses, watch.ComponentStatus(status)))
		},
	}
}

func orItself[W ~string](words map[W]string, word W) string {
	if said, known := words[word]; known {
		return said
	}
	return string(word)
}

// stamp writes an instant, and nothing for none.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(stampForm)
}

// reform writes an instant in another form; what is none stays as it is.
func reform(instant, form string) string {
	at, err := time.Parse(stampForm, instant)
	if err != nil {
		return instant
	}
	return at.Format(form)
}

func bothInstants(from, until string) (begin, end time.Time, ok bool) {
	begin, err := time.Parse(stampForm, from)
	if err != nil {
		return begin, end, false
	}
	end, err = time.Parse(stampForm, until)
	return begin, end, err == nil && !end.Before(begin)
}

func daysBetween(from, until string) int {
	begin, end, ok := bothInstants(from, until)
	if !ok {
		return 0
	}
	return int(end.Sub(begin) / (24 * time.Hour))
}

// join leaves out whole texts where all would be too long, and says how many.
func join(spoken language, list []string, between string) string {
	var out strings.Builder
	for i, item := range list {
		if i > 0 {
			item = between + item
		}
		if out.Len()+len(item) > maxJoined {
			return out.String() + between + spoken.more(len(list)-i)
		}
		out.WriteString(item)
	}
	return out.String()
}

func upperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if first == utf8.RuneError {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}
