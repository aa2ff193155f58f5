package github

import "lapsewatch/internal/githubissues"

// Quote is what makes a text from outside harmless.
func Quote(text string) string { return githubissues.Quote(text) }
