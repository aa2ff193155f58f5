package report

import (
	"encoding/csv"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lapsewatch/watch"
)

type csvColumn struct {
	name  string
	value func(watch.Finding) string
}

// csvColumns is the table's one list of columns; docs/reports.md explains each. Columns
// are added at the end.
func csvColumns() []csvColumn {
	return []csvColumn{
		{"severity", func(f watch.Finding) string { return string(f.Severity) }},
		{"reason", func(f watch.Finding) string { return asText(string(f.Reason)) }},
		{"name", func(f watch.Finding) string { return asText(f.Name) }},
		{"check", func(f watch.Finding) string { return asText(f.Check) }},
		{"kind", func(f watch.Finding) string { return asText(f.Kind) }},
		{"not_before", func(f watch.Finding) string { return csvDate(f.NotBefore) }},
		{"not_after", func(f watch.Finding) string { return csvDate(f.NotAfter) }},
		{"days_left", csvDaysLeft},
		{"message", func(f watch.Finding) string { return asText(f.Message) }},
		{"also", csvAlso},
		{"owners", func(f watch.Finding) string { return asText(strings.Join(f.Owners, ", ")) }},
		{"labels", func(f watch.Finding) string { return csvPairs(pairs(f.Labels)) }},
		{"remedy", func(f watch.Finding) string { return asText(f.Remedy) }},
		{"link", func(f watch.Finding) string { return asText(f.Link) }},
		{"identity", func(f watch.Finding) string { return asText(f.Identity) }},
		{"id", func(f watch.Finding) string { return asText(f.ID) }},
		{"acknowledged_until", func(f watch.Finding) string {
			return csvNoted(f, func(noted watch.Acknowledgement) string { return csvDate(noted.Until) })
		}},
		{"acknowledged_by", func(f watch.Finding) string {
			return csvNoted(f, func(noted watch.Acknowledgement) string { return asText(plain(noted.By)) })
		}},
		{"acknowledged_reason", func(f watch.Finding) string {
			return csvNoted(f, func(noted watch.Acknowledgement) string { return asText(plain(noted.Reason)) })
		}},
		{"offset_seconds", func(f watch.Finding) string { return csvSeconds(f, "offset_seconds") }},
		{"uncertainty_seconds", func(f watch.Finding) string { return csvSeconds(f, "uncertainty_seconds") }},
	}
}

// writeCSV follows RFC 4180 with a header row, CRLF and UTF-8 without a byte order mark.
func writeCSV(w io.Writer, pass watch.Pass, _ Style) error {
	columns := csvColumns()
	row := make([]string, len(columns))
	writer := csv.NewWriter(w)
	writer.UseCRLF = true
	for i, column := range columns {
		row[i] = column.name
	}
	if err := writer.Write(row); err != nil {
		return err
	}
	for finding, err := range findings(pass) {
		if err != nil {
			writer.Flush()
			return err
		}
		finding = readable(finding)
		for i, column := range columns {
			row[i] = column.value(finding)
		}
		if err := writer.Write(row); err != nil {
			return err
		}
	}
	writer.Flush()
	return writer.Error()
}

// formulaStart is where a spreadsheet would begin to calculate: at the start of the
// cell, and after a semicolon, at which many of them split although RFC 4180 names the
// comma only. It covers the full-width forms too.
var formulaStart = regexp.MustCompile(`(^|;)([\s\p{Z}]*)([=+\-@|%＝＋－＠])`)

// asText puts an apostrophe before what a spreadsheet would run as a formula, the sign by
// which spreadsheets mark a cell as text (OWASP, CSV Injection).
func asText(value string) string { return formulaStart.ReplaceAllString(value, "${1}${2}'${3}") }

func csvNoted(finding watch.Finding, value func(watch.Acknowledgement) string) string {
	if finding.Acknowledged == nil {
		return ""
	}
	return value(*finding.Acknowledged)
}

func csvDate(date time.Time) string {
	if date.IsZero() {
		return ""
	}
	return date.Format(time.RFC3339)
}

func csvDaysLeft(finding watch.Finding) string {
	if finding.DaysLeft == nil {
		return ""
	}
	return strconv.FormatInt(*finding.DaysLeft, 10)
}

// csvSeconds is a detail of a clock, to the nanosecond; empty where there is none.
func csvSeconds(finding watch.Finding, detail string) string {
	seconds, known := finding.Details[detail].(float64)
	if !known || math.IsNaN(seconds) || math.IsInf(seconds, 0) {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(seconds, 'f', 9, 64), "0"), ".")
}

func csvAlso(finding watch.Finding) string {
	var also []string
	for _, judged := range finding.Also {
		also = append(also, string(judged.Severity)+": "+judged.Message)
	}
	return asText(strings.Join(also, " / "))
}

func csvPairs(list []pair) string {
	var texts []string
	for _, pair := range list {
		texts = append(texts, pair.key+"="+pair.value)
	}
	return asText(strings.Join(texts, " / "))
}
