package jira

// WikiText is what makes a text from outside harmless in wiki markup.
func WikiText(text string) string { return wikiText(text) }

// Quoted writes a value of JQL.
func Quoted(value string) string { return quoted(value) }
