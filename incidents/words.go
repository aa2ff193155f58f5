package incidents

import (
	"errors"
	"fmt"

	"lapsewatch/watch"
)

// Texts are an operator's own words. Each is a text/template that takes the place of the
// built-in one; an empty one leaves the built-in one in place.
type Texts struct {
	Title         string `yaml:"title,omitempty" jsonschema_description:"template of the title, which is one line and public"`
	Scheduled     string `yaml:"scheduled,omitempty" jsonschema_description:"template of the public text of a planned maintenance that is still to come"`
	Investigating string `yaml:"investigating,omitempty" jsonschema_description:"template of the public text while the cause is not known"`
	Identified    string `yaml:"identified,omitempty" jsonschema_description:"template of the public text once the cause is known"`
	Monitoring    string `yaml:"monitoring,omitempty" jsonschema_description:"template of the public text once all causes are seen well again"`
	Resolved      string `yaml:"resolved,omitempty" jsonschema_description:"template of the public text when it is over"`
	Internal      string `yaml:"internal,omitempty" jsonschema_description:"template of the text that only staff reads"`
	Postmortem    string `yaml:"postmortem,omitempty" jsonschema_description:"template of the draft of a post-mortem"`
	Note          string `yaml:"note,omitempty" jsonschema_description:"template of the note beneath a stub that a person took over"`
}

// keyed lists the operator's templates by their keys in configuration.
func (t Texts) keyed() []source {
	return []source{
		{keyTitle, t.Title},
		{string(watch.Scheduled), t.Scheduled},
		{string(watch.Investigating), t.Investigating},
		{string(watch.Identified), t.Identified},
		{string(watch.Monitoring), t.Monitoring},
		{string(watch.Over), t.Resolved},
		{keyInternal, t.Internal},
		{keyPostmortem, t.Postmortem},
		{keyNote, t.Note},
	}
}

// The keys of the texts that belong to no phase.
const (
	keyTitle      = "title"
	keyInternal   = "internal"
	keyPostmortem = "postmortem"
	keyNote       = "note"
)

// Words puts stories into the words of one language and one operator. It knows no status
// system's limits: a system cuts what is too long for it, by Cut. It may be used by
// several goroutines at once.
type Words struct {
	language language
	quote    func(string) string
	// builtIn has every text and fragment, own those that the operator replaced.
	builtIn, own map[string]text
}

// NewWords reads the built-in texts of a language ("en", "fr", or nothing for English)
// and the operator's own. quote makes a text from outside harmless in the markup that the
// texts go into, such as Traits.Quote; nil leaves it as it is.
//
// Every template is checked as a whole, also where no story leads, and tried on the samples
// of all phases. The errors are *watch.FieldError whose paths are the keys of Texts, and
// "language".
func NewWords(code string, own Texts, quote func(string) string) (*Words, error) {
	spoken, found := languageOf(code)
	if !found {
		return nil, &watch.FieldError{Path: "language", Err: fmt.Errorf("language %q has no built-in texts: want en or fr; for another one write all texts yourself, and dates and names of phases stay those of the language given", code)}
	}
	if quote == nil {
		quote = func(text string) string { return text }
	}
	made := &Words{language: spoken, quote: quote, builtIn: map[string]text{}, own: map[string]text{}}
	if err := made.readBuiltIn(); err != nil {
		return nil, err
	}
	var faults []error
	for _, written := range own.keyed() {
		if written.text == "" {
			continue
		}
		if err := made.adopt(written); err != nil {
			faults = append(faults, &watch.FieldError{Path: written.key, Err: err})
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return made, nil
}

// adopt checks one of the operator's templates and tries it on all samples.
func (w *Words) adopt(written source) error {
	parsed, err := parseText(written, viewType)
	if err != nil {
		return err
	}
	for _, story := range trials() {
		if _, err := w.render(parsed, written.key, story); err != nil {
			return fmt.Errorf("tried on a story in phase %s: %w", story.Phase, err)
		}
	}
	w.own[written.key] = parsed
	return nil
}

// Title is the public name of a stub, in one line. It stays the same while a story goes
// on, unless its causes or components change.
//
// All texts have at most 64 KiB, cut at the end of a line. Where an operator's own
// template fails on a story, which only one can that loops too often or writes too long a
// line, the built-in text is given beside the error: a stub never waits for its words.
func (w *Words) Title(story Story) (string, error) { return w.say(keyTitle, story) }

// Text is what the public is told in the story's phase. It names components and providers,
// no other part of the estate and no person, and does not depend on Story.At.
func (w *Words) Text(story Story) (string, error) { return w.say(string(story.Phase), story) }

// Internal is what staff reads beside the text.
func (w *Words) Internal(story Story) (string, error) { return w.say(keyInternal, story) }

// Postmortem is the draft of a post-mortem, in Markdown.
func (w *Words) Postmortem(story Story) (string, error) { return w.say(keyPostmortem, story) }

// Note is what is left beneath a stub that a person took over.
func (w *Words) Note(story Story) (string, error) { return w.say(keyNote, story) }

func (w *Words) say(key string, story Story) (string, error) {
	given, found := w.builtIn[key]
	if !found {
		return "", fmt.Errorf("word incident %q: phase %q has no text", story.Key, story.Phase)
	}
	own, replaced := w.own[key]
	if !replaced {
		return w.render(given, key, story)
	}
	said, ownErr := w.render(own, key, story)
	if ownErr == nil {
		return said, nil
	}
	said, err := w.render(given, key, story)
	return said, errors.Join(fmt.Errorf("own text %s, in whose place the built-in one is used: %w", key, ownErr), err)
}
