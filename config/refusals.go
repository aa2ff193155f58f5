package config

// refusals collects problems and knows which keys they are about.
type refusals struct {
	problems, flaws Problems
	// keys were refused, and holders have something refused below them.
	keys, holders map[string]bool
	// values are the keys of problems that are no flaws.
	values map[string]bool
}

func newRefusals() refusals {
	return refusals{keys: map[string]bool{}, holders: map[string]bool{}, values: map[string]bool{}}
}

func (r *refusals) add(problem *Problem) {
	r.problems = append(r.problems, problem)
	r.note(problem)
	r.values[problem.Key] = true
}

// addFlaw adds what was wrong before anything was decoded.
func (r *refusals) addFlaw(problem *Problem) {
	r.flaws = append(r.flaws, problem)
	r.note(problem)
}

func (r *refusals) note(problem *Problem) {
	if problem.Key == "" {
		return
	}
	r.keys[problem.Key] = true
	for holder := above(problem.Key); holder != "" && !r.holders[holder]; holder = above(holder) {
		r.holders[holder] = true
	}
}

// refused reports whether the key, something below it or something that holds it was
// refused already, so that one mistake is told once.
func (r *refusals) refused(key string) bool {
	for holder := key; holder != ""; holder = above(holder) {
		if r.keys[holder] {
			return true
		}
	}
	return r.holders[key]
}

// inOrder lists all problems. A flaw directly below a refused value is left out: where a
// reference to a secret was wanted, even a key may be the secret.
func (r *refusals) inOrder() Problems {
	var all Problems
	for _, flaw := range r.flaws {
		if holder := above(flaw.Key); holder == "" || !r.values[holder] {
			all = append(all, flaw)
		}
	}
	return append(all, r.problems...).inOrder()
}
