package watch

import "context"

// Ability is one thing that a check can or cannot do with the rights that it has.
type Ability struct {
	// Name is the permission in its service's own words ("Application.Read.All").
	Name string
	// Gives is a clause that says what it is for: "lists application registrations".
	Gives string
	// Required: without it the check cannot do its work.
	Required bool
	// Err is why it does not work, nil if it does; it holds no secret.
	Err error
	// Remedy is the next step; without it that of Reason, if there is one.
	Remedy string
	Reason Reason
}

// Trier is a check that can try its rights without collecting anything, for
// `lapsewatch config check --online`. It asks each once, even where a pass would wait
// after an earlier refusal.
type Trier interface {
	Try(ctx context.Context) []Ability
}
