package azuredevops_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakedevops"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestWhoMayNotAdministrateIsToldOnce(t *testing.T) {
	organization := fabrikam()
	organization.Administrates = false
	s := begin(t, organization)
	s.env.Concurrency = 1
	s.lists(t, "")
	facts := s.collect(t)
	problem := checktest.WantProblem(t, facts["list"], watch.PermissionDenied, "whoever signs in may not administrate tokens")
	if len(facts) != 1 || problem.HidesPrefix != "pat/" || problem.Remedy != "Make whoever signs in a member of Project Collection Administrators of the organization, or list with whose: own and a user's sign-in." {
		t.Errorf("%v", facts)
	}
	organization.Change(func(o *fakedevops.Organization) {
		for i := range 20 {
			o.Users = append(o.Users, fakedevops.User{Descriptor: fmt.Sprintf("aad.dXNlcg%d", i)})
		}
	})
	before := len(s.server.Requests())
	if facts = s.collect(t); len(facts) != 1 || len(s.server.Requests()) != before+6 {
		t.Errorf("it goes on asking, %d times: %v", len(s.server.Requests())-before, facts)
	}
	abilities := s.check.(watch.Trier).Try(t.Context())
	if len(abilities) != 1 || abilities[0].Reason != watch.PermissionDenied || abilities[0].Name != "personal access tokens of fabrikam" {
		t.Errorf("tried: %+v", abilities)
	}
}

func TestAUserWhoseTokensCannotBeListedHidesThoseAlone(t *testing.T) {
	organization := fabrikam()
	s := begin(t, organization, vendortest.Manner{On: "/" + graceID, Times: vendortest.Always, Answer: vendortest.Status(503, "1")})
	s.lists(t, "")
	facts := s.collect(t)
	problem := checktest.WantProblem(t, facts["pat/"+graceID], watch.Unreadable, "503 Service Unavailable")
	if problem.HidesPrefix != "pat/"+graceID+"/" || problem.Subject.Name != "personal access tokens of Grace" {
		t.Errorf("%+v", problem)
	}
	checktest.WantCondition(t, facts["list"], "", "2 personal access tokens are listed")

	s.server.Misbehave()
	organization.Change(func(o *fakedevops.Organization) { o.Users[1].Gone = true })
	problem = checktest.WantProblem(t, s.collect(t)["pat/"+graceID], watch.NotFound, "The user cannot be found.")
	if problem.HidesPrefix != "pat/"+graceID+"/" || !strings.HasPrefix(problem.Remedy, "If the user has left, remove them") {
		t.Errorf("a user who left meanwhile: %+v", problem)
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		s.server.Misbehave(vendortest.Manner{On: "/" + graceID, Times: vendortest.Always, Answer: vendortest.Status(status, "")})
		facts = s.collect(t)
		checktest.WantProblem(t, facts["pat/"+graceID], watch.PermissionDenied, fmt.Sprint(status))
		checktest.WantCondition(t, facts["list"], "", "2 personal access tokens are listed")
	}
}

func TestTokensOfNobodyAreNoEmptyList(t *testing.T) {
	organization := fabrikam()
	for i := range organization.Users {
		organization.Users[i].Gone = true
	}
	s := begin(t, organization)
	s.lists(t, "")
	facts := s.collect(t)
	problem := checktest.WantProblem(t, facts["list"], watch.NotFound, "the tokens of no user are found, though the users are listed")
	if problem.HidesPrefix != "pat/" || len(facts) != 1 {
		t.Errorf("%v", facts)
	}
}

// leavers have left, and are listed all the same.
func leavers(count int) []fakedevops.User {
	var all []fakedevops.User
	for i := range count {
		all = append(all, fakedevops.User{Descriptor: fmt.Sprintf("aad.bGVmdA%d", i), Gone: true})
	}
	return all
}

func TestPeopleWhoHaveLeftHideNobodyElse(t *testing.T) {
	organization := fabrikam()
	organization.Users = append(leavers(9), organization.Users...)
	s := begin(t, organization)
	s.lists(t, "")
	facts := s.collect(t)
	checktest.WantCondition(t, facts["list"], "", "3 personal access tokens are listed")
	checktest.WantProblem(t, facts["pat/aad.bGVmdA8"], watch.NotFound, "The user cannot be found.")
	if len(facts) != 4+9 {
		t.Errorf("%v", facts)
	}
}

func TestWhoeverIsNotAskedForIsNeverSilentlyMissing(t *testing.T) {
	organization := fabrikam()
	denied := leavers(9)
	organization.Users = append(append([]fakedevops.User{organization.Users[0]}, denied...), organization.Users[1:]...)
	s := begin(t, organization)
	s.env.Concurrency = 2
	s.lists(t, "")
	refused := make(chan struct{}, len(denied))
	manners := []vendortest.Manner{{On: "/" + adaID, Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		for range 5 { // Ada's list comes after five denials, which end the questions
			select {
			case <-refused:
			case <-r.Context().Done():
				return
			}
		}
		time.Sleep(time.Second) // until the last of them was read
		usual.ServeHTTP(w, r)
	}}}
	for _, user := range denied {
		manners = append(manners, vendortest.Manner{On: "/" + user.Descriptor, Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
			vendortest.Status(http.StatusForbidden, "")(w, r, usual)
			refused <- struct{}{}
		}})
	}
	s.server.Misbehave(manners...)
	facts := s.collect(t)
	problem := checktest.WantProblem(t, facts["list"], watch.PermissionDenied, "the tokens of 5 users are denied, so that those of 5 more were not asked for")
	if problem.HidesPrefix != "pat/" || !problem.Confined {
		t.Errorf("%+v", problem)
	}
	checktest.Of[watch.Credential](t, facts, "pat/"+adaID+"/"+releaseGUID)
	for _, user := range denied[:5] {
		one := checktest.WantProblem(t, facts["pat/"+user.Descriptor], watch.PermissionDenied, "403")
		if one.HidesPrefix != "pat/"+user.Descriptor+"/" || one.Remedy != "Look at what is different of this user: the tokens of others are listed." {
			t.Errorf("%+v", one)
		}
	}
	if len(facts) != 1+2+5 {
		t.Errorf("%v", facts)
	}
}

func TestDenialsAmongPeopleWhoHaveLeftAreTheSignInsAffair(t *testing.T) {
	organization := fabrikam()
	organization.Administrates = false
	s := begin(t, organization)
	s.lists(t, "")
	s.server.Misbehave(vendortest.Manner{On: "/" + graceID, Times: vendortest.Always, Answer: vendortest.Status(http.StatusNotFound, "")})
	facts := s.collect(t)
	checktest.WantProblem(t, facts["list"], watch.PermissionDenied, "whoever signs in may not administrate tokens")
	if len(facts) != 1 {
		t.Errorf("%v", facts)
	}
}

func TestADenialBesideAnOutageSaysNothingOfOthers(t *testing.T) {
	s := begin(t, fabrikam(), vendortest.Manner{On: "/" + graceID, Times: vendortest.Always, Answer: vendortest.Status(503, "3600")},
		vendortest.Manner{On: "/" + adaID, Times: vendortest.Always, Answer: vendortest.Status(403, "")})
	s.lists(t, "")
	facts := s.collect(t)
	if problem := checktest.WantProblem(t, facts["pat/"+adaID], watch.PermissionDenied, "403"); !strings.HasPrefix(problem.Remedy, "Make whoever signs in a member") {
		t.Errorf("%+v", problem)
	}
}

func TestWhatHidesAllTokensHidesTheProblemsOfTheirUsersToo(t *testing.T) {
	s := begin(t, fabrikam(), vendortest.Manner{On: "/" + graceID, Times: vendortest.Always, Answer: vendortest.Status(503, "1")})
	s.lists(t, "")
	var problem watch.Fact
	for id, fact := range s.collect(t) {
		if strings.HasSuffix(id, graceID) {
			problem = fact
		}
	}
	s.server.Misbehave(vendortest.Manner{Times: vendortest.Always, Answer: vendortest.Status(503, "3600")})
	if hides := s.collect(t)["list"].(watch.Problem).HidesPrefix; problem == nil || !strings.HasPrefix(problem.About().ID, hides) {
		t.Errorf("%q does not hide %+v, which is told as readable again", hides, problem)
	}
}

func TestAnExpiredTokenThatIsNotValidIsNoRevokedOne(t *testing.T) {
	organization := fabrikam()
	organization.Users[0].PATs = []fakedevops.PAT{
		{Raw: `{"authorizationId":"` + oldGUID + `","validTo":"2026-11-21T00:00:00Z","isValid":false}`},
		{Raw: `{"authorizationId":"` + releaseGUID + `","validTo":"2026-11-23T00:00:00Z","isValid":false}`},
	}
	s := begin(t, organization)
	s.lists(t, "")
	facts := s.collect(t)
	if _, told := facts["pat/"+adaID+"/"+oldGUID].(watch.Credential); !told || facts["pat/"+adaID+"/"+releaseGUID] != nil {
		t.Errorf("%v", facts)
	}
	if query := s.server.To("/" + adaID)[0].Query; !strings.Contains(query, "isPublic=false") {
		t.Errorf("asked for %s, which may be SSH keys", query)
	}
}
