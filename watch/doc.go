// Package watch is the vocabulary of Lapsewatch: what is watched (Subject), what a
// check learnt about it (Fact), what policy made of that (Finding), and what changed
// since last time (Event). The three are different types because data runs one way:
//
//	check → Fact → policy → Finding → ledger → Event → alerts, reports
//
// The package does no I/O, never reads the clock, judges nothing and imports only the
// standard library, so every other package can depend on it.
package watch
