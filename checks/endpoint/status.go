package endpoint

import (
	"errors"
	"strconv"
	"strings"
)

// statuses are ranges of HTTP statuses (RFC 9110, 15), both ends included.
type statuses [][2]int

const (
	usualStatuses  = "200-399"
	lowestStatus   = 200 // 1xx is no answer yet
	highestStatus  = 599
	maxStatusLists = 20
)

var errStatuses = errors.New("want statuses from 200 to 599, such as 200 or 200-299,401")

// parseStatuses reads "200-299,401"; an empty text is what is usual.
func parseStatuses(text string) (statuses, error) {
	if text == "" {
		text = usualStatuses
	}
	var read statuses
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			to = from
		}
		low, errLow := parseStatus(from)
		high, errHigh := parseStatus(to)
		if errLow != nil || errHigh != nil || low > high || len(read) == maxStatusLists {
			return nil, errStatuses
		}
		read = append(read, [2]int{low, high})
	}
	return read, nil
}

func parseStatus(text string) (int, error) {
	status, err := strconv.Atoi(text)
	if err != nil || len(text) != 3 || status < lowestStatus || status > highestStatus {
		return 0, errStatuses
	}
	return status, nil
}

func (s statuses) have(status int) bool {
	for _, one := range s {
		if status >= one[0] && status <= one[1] {
			return true
		}
	}
	return false
}
