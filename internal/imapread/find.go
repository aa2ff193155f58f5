package imapread

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/watch"
)

const (
	// MaxFound bounds how many messages a search for one value may find.
	MaxFound = 50
	// MaxValues keeps the line of a search below the 8192 octets that servers read (RFC 7162,
	// section 4).
	MaxValues = 100
	// maxHeader bounds what is read of one message.
	maxHeader = 32 << 10
)

// Message is one that was found.
type Message struct {
	// UID names it in its folder, during this session.
	UID uint32
	// Arrived is when the server got it (INTERNALDATE, RFC 9051, 2.3.3), in UTC; zero if it
	// does not say.
	Arrived time.Time
	// Header is what was asked for of its header, at most 32 KiB, as it stands in the message.
	Header []byte
}

// Find gives the messages of a folder whose header of that name holds one of the values,
// the newest first, by one search. More than MaxFound beside one for each further value are
// an error, and so are more than MaxValues values. Only the named headers are read. The
// server compares without regard to case and takes a part for the whole (RFC 9051, 6.4.4):
// the caller compares anew.
func (s *Session) Find(ctx context.Context, folder, name string, values, headers []string) ([]Message, error) {
	var found []Message
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > MaxValues {
		return nil, fmt.Errorf("search %s: %d values are more than %d", folder, len(values), MaxValues)
	}
	err := s.bounded(ctx, "search "+folder+" at", func(context.Context) error {
		if err := s.enter(folder); err != nil {
			return err
		}
		uids, err := s.search(name, values)
		if err != nil || len(uids) == 0 {
			return err
		}
		found, err = s.fetch(uids, headers)
		return err
	})
	return found, err
}

// anyOf is a search key for messages with one of the values. OR takes two keys: they are
// nested in halves, which no server's bound on the depth minds.
func anyOf(name string, values []string) []string {
	if len(values) == 1 {
		parts := append([]string{"HEADER "}, literal(name)...)
		return append(append(parts, " "), literal(values[0])...)
	}
	half := len(values) / 2
	parts := append([]string{"OR "}, anyOf(name, values[:half])...)
	return append(append(parts, " "), anyOf(name, values[half:])...)
}

func (s *Session) search(name string, values []string) ([]uint32, error) {
	var uids []uint32
	most := MaxFound + len(values) - 1
	parts := append([]string{"UID SEARCH "}, anyOf(name, values)...)
	err := s.wire.command(func(r response) (err error) {
		words := strings.Fields(r.text)
		switch {
		case len(words) == 0:
			return errNoIMAP
		case strings.EqualFold(words[0], "SEARCH"):
			uids, err = few(uids, words[1:], most)
		case strings.EqualFold(words[0], "ESEARCH"): // that of IMAP4rev2
			if all := slices.IndexFunc(words, func(word string) bool { return strings.EqualFold(word, "ALL") }); all > 0 && all+1 < len(words) {
				uids, err = few(uids, strings.Split(words[all+1], ","), most)
			}
		}
		return err
	}, parts...)
	slices.Sort(uids)
	return slices.Compact(uids), err
}

// few reads numbers and ranges. A range that a server makes up is not unrolled.
func few(uids []uint32, numbers []string, most int) ([]uint32, error) {
	for _, text := range numbers {
		if strings.HasPrefix(text, "(") { // (MODSEQ 1), RFC 7162
			break
		}
		low, high, isRange := strings.Cut(text, ":")
		first, err := strconv.ParseUint(low, 10, 32)
		last := first
		if isRange && err == nil {
			last, err = strconv.ParseUint(high, 10, 32)
		}
		if err != nil || first == 0 || last == 0 {
			return nil, errNoIMAP
		}
		first, last = min(first, last), max(first, last)
		if last-first >= uint64(most-len(uids)) {
			like := "the one that is"
			if most > MaxFound {
				like = "those that are"
			}
			return nil, &Failure{Reason: watch.TooLarge, Text: fmt.Sprintf("more than %d messages are like %s looked for", most, like)}
		}
		for ; first <= last; first++ {
			uids = append(uids, uint32(first))
		}
	}
	return uids, nil
}

// enter opens the folder, or lets the server say what is new in it.
func (s *Session) enter(folder string) error {
	if s.folder == folder {
		return s.command("NOOP", nil)
	}
	s.folder = ""
	if err := s.wire.command(nil, append([]string{"SELECT "}, literal(mailboxName(folder))...)...); err != nil {
		if said, ok := errors.AsType[status](err); ok && said.word == "NO" && said.code == "" {
			// Many servers say so without a code (RFC 9051, 6.3.2).
			return &Failure{Reason: watch.NotFound, Text: "it cannot be opened: the server says " + said.words(), Lasting: true}
		}
		return err
	}
	s.folder = folder
	return nil
}

func (s *Session) fetch(uids []uint32, headers []string) ([]Message, error) {
	var found []Message
	asked := fmt.Sprintf("UID FETCH %s (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (%s)]<0.%d>)", set(uids), strings.Join(headers, " "), maxHeader)
	err := s.command(asked, func(r response) error {
		message, ok, err := readFetch(r)
		known := func(one Message) bool { return one.UID == message.UID }
		if err == nil && ok && slices.Contains(uids, message.UID) && !slices.ContainsFunc(found, known) {
			found = append(found, message)
		}
		return err
	})
	slices.SortFunc(found, func(a, b Message) int { return int(int64(b.UID) - int64(a.UID)) })
	return found, err
}

func set(uids []uint32) string {
	texts := make([]string, len(uids))
	for i, uid := range uids {
		texts[i] = strconv.FormatUint(uint64(uid), 10)
	}
	return strings.Join(texts, ",")
}

// Remove removes these messages of a folder and no other. Where the server cannot remove
// single messages (it lacks UIDPLUS, RFC 4315) they are only marked as deleted, so that
// nobody else's are removed along with them; gone is false then.
func (s *Session) Remove(ctx context.Context, folder string, uids []uint32) (gone bool, err error) {
	single := s.caps["UIDPLUS"] || s.caps["IMAP4REV2"]
	err = s.bounded(ctx, "remove messages from "+folder+" at", func(context.Context) error {
		if err := s.enter(folder); err != nil {
			return err
		}
		if err := s.command("UID STORE "+set(uids)+` +FLAGS.SILENT (\Deleted)`, nil); err != nil || !single {
			return err
		}
		return s.command("UID EXPUNGE "+set(uids), nil)
	})
	return single && err == nil, err
}

// Try opens a folder.
func (s *Session) Try(ctx context.Context, folder string) error {
	return s.bounded(ctx, "open "+folder+" at", func(context.Context) error { return s.enter(folder) })
}
