package ledger

import (
	"strings"
	"testing"

	"lapsewatch/policy"
	"lapsewatch/watch"
)

func FuzzDecodeKnown(f *testing.F) {
	known, err := encodeStored(policy.Known{Finding: warned("a"), Blind: watch.TimedOut, ToldAt: start, Concerned: []string{"ada@example.com"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(known)
	f.Add(`{"finding":{"id":"a","severity":"ok","details":{"n":1e999,"list":["a",1],"deep":{"x":[1]}},"from_the_future":1},"also_new":true}`)
	f.Add(`{"finding":{"id":"a","severity":"ok","not_after":"9999-12-31T23:59:59Z"}}`)
	f.Add(`{"finding":{"id":"","severity":"ok"}}`)
	f.Add(`{"finding":{"id":"a","severity":"fine"}} {}`)
	f.Fuzz(func(t *testing.T, text string) {
		known, err := decodeKnown(text)
		if err != nil {
			return
		}
		roundTrip(t, known, decodeKnown)
	})
}

func FuzzDecodeEvent(f *testing.F) {
	event, err := encodeStored(watch.Event{ID: "e", Type: watch.Opened, At: start, Finding: warned("a")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(event)
	f.Add(`{"id":"e","type":"resolved","why":"removed","previous":"critical","finding":{"id":"a","severity":"unknown"}}`)
	f.Add(`{"id":"e","type":"","finding":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		event, err := decodeEvent(text)
		if err != nil {
			return
		}
		roundTrip(t, event, decodeEvent)
	})
}

// roundTrip checks that what could be read is stored as before once it is read again:
// by that a finding is known to be unchanged.
func roundTrip[V any](t *testing.T, value V, decode func(string) (V, error)) {
	t.Helper()
	text, err := encodeStored(value)
	if err != nil {
		t.Fatalf("encode %+v: %v", value, err)
	}
	again, err := decode(text)
	if err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
	if got, err := encodeStored(again); err != nil || got != text {
		t.Errorf("%s\nbecame\n%s, %v", text, got, err)
	}
}

func TestStoredRowsToleratePropertiesOfTheFutureAndMissNone(t *testing.T) {
	t.Parallel()
	if known, err := decodeKnown(`{"finding":{"id":"a","severity":"ok","new":{"x":1}},"newer":[]}`); err != nil || known.Finding.ID != "a" {
		t.Errorf("%+v, %v", known, err)
	}
	for text, want := range map[string]string{
		``:                       "EOF",
		`{}`:                     "the finding has no id or no severity",
		`{"finding":{"id":"a"}}`: "the finding has no id or no severity",
		`{"finding":{"id":"a","severity":"ok"}}{}`: "more than one JSON value",
		`{"finding":{"id":"a","severity":"bad"}}`:  `severity "bad": want ok, notice, warning, critical or unknown`,
	} {
		if _, err := decodeKnown(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}
