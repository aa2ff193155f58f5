package jwt

import (
	"context"
	"fmt"

	"lapsewatch/watch"
)

// maxPage is what is kept under one key (watch.Memory).
const maxPage = 4 << 10

// pages is a text over several keys of the check's memory.
type pages struct {
	memory watch.Memory
	key    string
	most   int
}

func (p pages) at(i int) string { return fmt.Sprintf("%s:%d", p.key, i) }

func (p pages) recall(ctx context.Context) ([]string, error) {
	var kept []string
	for i := range p.most {
		page, err := p.memory.Recall(ctx, p.at(i))
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		kept = append(kept, string(page))
	}
	return kept, nil
}

// remember keeps what differs from before, and as many pages as there may be.
func (p pages) remember(ctx context.Context, before, now []string) error {
	now = now[:min(len(now), p.most)]
	for i := range max(len(before), len(now)) {
		page := ""
		if i < len(now) {
			page = now[i]
		}
		if i < len(before) && before[i] == page {
			continue
		}
		if err := p.memory.Remember(ctx, p.at(i), []byte(page)); err != nil {
			return err
		}
	}
	return nil
}

// paged puts words one after the other on pages, and reports how many of them found no room.
func paged(words []string, most int) (text []string, left int) {
	for i, word := range words {
		switch last := len(text) - 1; {
		case len(word) > maxPage:
			left++
		case last >= 0 && len(text[last])+len(word) <= maxPage:
			text[last] += word
		case len(text) < most:
			text = append(text, word)
		default:
			return text, left + len(words) - i
		}
	}
	return text, left
}
