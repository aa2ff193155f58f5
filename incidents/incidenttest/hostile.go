package incidenttest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lapsewatch/alerts/alerttest"
	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/watch"
)

// fromOutside are the hostile texts as they reach a system: cleaned, and quoted for its
// markup.
func fromOutside(quote func(string) string) []string {
	var all []string
	for _, event := range alerttest.HostileMessage().Events {
		text := clean.Text(event.Finding.Name, 200)
		if quote != nil {
			text = quote(text)
		}
		all = append(all, text)
	}
	return all
}

func (s Suite) hostile(t *testing.T) {
	o := s.open(t)
	traits := o.System(t).Traits()
	all := fromOutside(traits.Quote)
	stub := o.Stub("orders")
	stub.Title = clean.Text("Sign-in may fail: "+all[0], 120)
	said := "Affected:\n\n" + strings.Join(all, "\n\n") + "\n\nWe are looking into it."
	stub.Text, stub.Internal = said, said
	current := o.Create(t, stub)
	o.settled(t, current)
	stub = o.Moved(stub, watch.Over)
	stub.Text = said + " It is over."
	current = o.Update(t, current, stub)
	o.settled(t, current)
	_ = o.System(t).Annotate(t.Context(), current, o.Note(said)) // it may have no place for notes
	_ = o.System(t).Draft(t.Context(), current, o.Note(said))    // nor for drafts
	for _, record := range o.Records() {
		shown := append([]string{record.Title, record.Internal, record.Draft}, record.Texts...)
		for _, text := range append(shown, record.Notes...) {
			alerttest.AssertHarmless(t, text, s.Forbidden...)
		}
		if !strings.Contains(strings.Join(record.Texts, "\n"), "evil.example.com") {
			t.Error("what is affected is missing from what people read")
		}
	}
	if all := o.List(t); len(all) != 1 && !s.ForgetsResolved {
		t.Errorf("%d stubs are listed, want one", len(all))
	}
}

func (s Suite) tooLong(t *testing.T) {
	o := s.open(t)
	stub := o.Stub("orders")
	stub.Title = strings.Repeat("Schlüssel 🔑 ", 400)
	stub.Text = "Beginning " + strings.Repeat("läuft ab 🔑\n\n", 40_000)
	stub.Internal = stub.Text
	current, err := o.System(t).Create(t.Context(), stub)
	if err != nil {
		t.Fatal(err)
	}
	o.settled(t, current)
	o.requireCut(t, current)
	o.Clock.Advance(time.Hour)
	stub = o.Moved(stub, watch.Over)
	stub.Text = "Later " + strings.Repeat("läuft ab 🔑\n\n", 40_000)
	if current, err = o.System(t).Update(t.Context(), current, stub); err != nil {
		t.Fatal(err)
	}
	o.settled(t, current)
	o.requireCut(t, current)
	_ = o.System(t).Annotate(t.Context(), current, o.Note(stub.Text)) // it may have no place for notes
	_ = o.System(t).Draft(t.Context(), current, o.Note(stub.Text))    // nor for drafts
	o.requireCut(t, current)
}

// requireCut requires that what stands there is valid, keeps the limits that the traits
// name, and says where it was cut.
func (o *Office) requireCut(t *testing.T, current incidents.Remote) {
	t.Helper()
	traits := o.System(t).Traits()
	if o.One(t, current.Key).ID != current.ID {
		t.Error("the key is lost")
	}
	if traits.TitleLimit > 0 && (utf8.RuneCountInString(current.Title) > traits.TitleLimit || !strings.HasSuffix(current.Title, "…")) {
		t.Errorf("a title of %d characters, want at most %d and … at its end", utf8.RuneCountInString(current.Title), traits.TitleLimit)
	}
	record := o.record(t, current.ID)
	for _, text := range record.Texts {
		if !utf8.ValidString(text) {
			t.Error("a text is no valid UTF-8")
		}
		if traits.TextLimit > 0 && (utf8.RuneCountInString(text) > traits.TextLimit || !strings.Contains(text, "…")) {
			t.Errorf("a text of %d characters, want at most %d and … at its end", utf8.RuneCountInString(text), traits.TextLimit)
		}
	}
}
