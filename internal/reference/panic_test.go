package reference_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"lapsewatch/internal/reference"
)

// bursting is a library that cannot cope with what it is given.
type bursting struct{}

func (bursting) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	var records []netip.Addr
	return records[len(records)-1:], errors.New("never said")
}

func TestAPanicIsTheFailureOfOneReference(t *testing.T) {
	e := env(patience)
	e.Resolver = bursting{}
	got := reference.New(sources(t, shifted(t, 0), "ntp://burst.example", shifted(t, 0)), e).Ask(t.Context())
	expect(t, got, `3 asked, 2 answered, 2 agree, majority true "": agrees, failed, agrees`)
	want := "could not be asked: its answer was not understood (panic: runtime error: slice bounds out of range [-1:])"
	if err := got.Each[1].Err; err == nil || err.Error() != want || got.Each[1].Name != "ntp://burst.example" {
		t.Errorf("got %+v, want %s", got.Each[1], want)
	}
}
