package alerttest

import "testing"

// Behaviour is how a service treats the attempts that follow.
type Behaviour string

// The behaviours that every service under test shows, unless the suite declares one
// impossible. In each refusal the service repeats the secrets that it was sent, as a
// hostile one may.
const (
	Accepts            Behaviour = "accepts the message"
	Throttles          Behaviour = "asks to come back later"
	Fails              Behaviour = "fails for the moment"
	Refuses            Behaviour = "refuses the message"
	RefusesCredentials Behaviour = "refuses the credentials"
	HangsUp            Behaviour = "hangs up in the middle"
	Hangs              Behaviour = "never answers"
	Babbles            Behaviour = "never stops answering"
)

// shown are those of the behaviours that the protocol can show; why it cannot show the
// others is logged.
func (s Suite) shown(t *testing.T, behaviours ...Behaviour) []Behaviour {
	t.Helper()
	var shown []Behaviour
	for _, behaviour := range behaviours {
		if why := s.Impossible[behaviour]; why != "" {
			t.Logf("no service of this protocol %s: %s", behaviour, why)
			continue
		}
		shown = append(shown, behaviour)
	}
	return shown
}
