package incidents

import "fmt"

// Duplicate is the text of a second stub of the same cause, which is closed: two runs at
// once can leave one behind where a status system does not tell them apart. key is that of
// the stub that goes on.
func (w *Words) Duplicate(key string) string {
	return fmt.Sprintf(w.language.duplicate, key)
}
