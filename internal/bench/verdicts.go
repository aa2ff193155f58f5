package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"lapsewatch/internal/bench/farm"
	"lapsewatch/watch"
)

// reading is what a program said about one subject: the part of a Lapsewatch finding
// that can be held against the truth.
type reading struct {
	Name     string       `json:"name"`
	NotAfter time.Time    `json:"not_after,omitzero"`
	Reason   watch.Reason `json:"reason,omitempty"`
}

// plantedReason is the verdict that a fault must lead to.
var plantedReason = map[farm.Fault]watch.Reason{
	farm.Healthy:    "",
	farm.Slow:       "",
	farm.Soon:       watch.ExpiresSoon,
	farm.Expired:    watch.Expired,
	farm.SelfSigned: watch.SelfSigned,
	farm.WrongHost:  watch.NameMismatch,
	farm.Silent:     watch.TimedOut,
	farm.Swallowed:  watch.TimedOut,
	farm.Refused:    watch.Refused,
	farm.Broken:     watch.Unparsable,
}

// score counts how much of the truth a program found.
type score struct {
	subjects int
	dates    int
	verdicts int
	// falseTimeouts are subjects that answer and were called silent.
	falseTimeouts int
	// surplus are readings of nothing that was asked for, or said twice.
	surplus int
	// firstWrong shows one mistake, for the person who has to find its cause.
	firstWrong string
}

func (s score) exact() bool {
	return s.dates == s.subjects && s.verdicts == s.subjects && s.surplus == 0
}

func (s score) String() string {
	if s.exact() {
		return fmt.Sprintf("%d/%d exact", s.subjects, s.subjects)
	}
	said := fmt.Sprintf("dates %d, verdicts %d of %d", s.dates, s.verdicts, s.subjects)
	if s.falseTimeouts > 0 {
		said += fmt.Sprintf(", %d false timeouts", s.falseTimeouts)
	}
	if s.surplus > 0 {
		said += fmt.Sprintf(", %d surplus", s.surplus)
	}
	return said
}

// allDates reports the dates alone, for programs that give no verdict.
func (s score) allDates() string { return fmt.Sprintf("dates %d of %d", s.dates, s.subjects) }

// judge holds a program's readings, one JSON object a line, against the truth.
func judge(path string, truth []farm.Subject) (score, error) {
	readings, surplus, err := readReadings(path)
	if err != nil {
		return score{}, err
	}
	result := score{subjects: len(truth), surplus: surplus}
	for _, subject := range truth {
		got, said := readings[subject.Name]
		delete(readings, subject.Name)
		want := plantedReason[subject.Fault]
		dateRight := said && got.NotAfter.Equal(subject.NotAfter)
		verdictRight := said && got.Reason == want
		if right := dateRight && verdictRight; !right && result.firstWrong == "" {
			result.firstWrong = fmt.Sprintf("%s is %s until %s, read as %q until %s", subject.Name, subject.Fault,
				subject.NotAfter.Format(time.RFC3339), got.Reason, got.NotAfter.Format(time.RFC3339))
		}
		if dateRight {
			result.dates++
		}
		if verdictRight {
			result.verdicts++
		}
		if subject.Fault.Answers() && got.Reason == watch.TimedOut {
			result.falseTimeouts++
		}
	}
	result.surplus += len(readings)
	return result, nil
}

func readReadings(path string) (byName map[string]reading, repeated int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read what was said: %w", err)
	}
	defer file.Close()
	byName = map[string]reading{}
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var said reading
		if err := decoder.Decode(&said); errors.Is(err, io.EOF) {
			return byName, repeated, nil
		} else if err != nil {
			return nil, 0, fmt.Errorf("read what was said in %s: %w", path, err)
		}
		// What stands in parentheses is for people: which certificate of a file it is.
		name, _, _ := strings.Cut(said.Name, " (")
		if _, twice := byName[name]; twice {
			repeated++
		}
		byName[name] = said
	}
}
