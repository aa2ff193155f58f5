package github

// Quote is what makes a text from outside harmless.
func Quote(text string) string { return quote(text) }
