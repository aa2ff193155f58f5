package watch

import "context"

// Memory is what a check keeps between passes: how long to leave a service alone that
// refused it, or what it measured last. It holds no secret. What a check remembers is
// kept at once, whatever becomes of the pass.
type Memory interface {
	// Recall gives what was remembered under the key; nil if nothing was.
	Recall(ctx context.Context, key string) ([]byte, error)
	// Remember keeps at most 4 KiB under the key, in place of what was there; an empty
	// value forgets it.
	Remember(ctx context.Context, key string, value []byte) error
}
