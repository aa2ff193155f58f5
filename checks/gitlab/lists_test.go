package gitlab

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/fakegitlab"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

func TestATokenInTwoListsIsAlwaysThatOfTheFirst(t *testing.T) {
	t.Parallel()
	for range 10 {
		s := begin(t)
		s.instance.Projects["platform/shop"] = fakegitlab.Resource{
			ID: 7, Access: []fakegitlab.AccessToken{access(11, "deploy", "2026-12-02"), {ID: 12, RawExpires: "soon"}}, Deploy: []fakegitlab.DeployToken{{ID: 11, Name: "pull"}},
		}
		found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{
			{Entry: named("by path"), Project: "platform/shop"}, {Entry: named("by ID"), Project: "7"},
		}})
		checktest.Of[watch.Credential](t, found, "listed/project/by%20path/access/11")
		checktest.Of[watch.Problem](t, found, "listed/project/by%20path/access/12")
		checktest.Of[watch.Credential](t, found, "listed/project/by%20path/deploy/11")
		if len(found) != 3 {
			t.Fatalf("told %v", found)
		}
	}
}

func TestWhatAProjectHoldsIsNotToldOfAsPersonalWhileItCannotBeRead(t *testing.T) {
	s := begin(t)
	bot := access(11, "deploy", "2026-12-02")
	s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7, Access: []fakegitlab.AccessToken{bot}}
	s.instance.Personal = []fakegitlab.AccessToken{bot, access(32, "laptop", "2026-12-05")}
	options := Options{Token: s.administrator(""), Personal: true, Projects: []Project{{Entry: named("shop"), Project: "shop"}}}
	s.server.Misbehave(vendortest.Manner{On: "/access_tokens", Times: vendortest.Always, Answer: vendortest.Status(http.StatusServiceUnavailable, "3600")})
	found, _ := s.collect(t, options)
	problem := checktest.WantProblem(t, found["listed/personal"], watch.Incomplete, "project access tokens of project shop could not be read, and what is in it would be told of as personal")
	if problem.HidesPrefix != "listed/personal/" || len(found) != 2 {
		t.Errorf("told %v", found)
	}
	s.server.Misbehave(vendortest.Manner{On: "/deploy_tokens", Times: vendortest.Always, Answer: vendortest.Status(http.StatusServiceUnavailable, "3600")})
	found, _ = s.collect(t, options)
	checktest.Of[watch.Credential](t, found, "listed/personal/32")
}

func TestAListThatStaysClosedStopsNoPersonalTokens(t *testing.T) {
	for name, test := range map[string]struct {
		answer vendortest.Answer
		told   bool
	}{
		"a project that is gone": {vendortest.Reply(http.StatusNotFound, "application/json", `{"message":"404 Project Not Found"}`), true},
		"a right that lacks":     {vendortest.Reply(http.StatusForbidden, "application/json", `{"message":"403 Forbidden"}`), true},
		"the same with 401":      {vendortest.Reply(http.StatusUnauthorized, "application/json", `{"message":"401 Unauthorized"}`), true},
		"a broken element":       {vendortest.Reply(http.StatusOK, "application/json", `[{"name":"x"}]`), true},
		"an outage":              {vendortest.Status(http.StatusServiceUnavailable, "3600"), false},
		"a limit":                {vendortest.Status(http.StatusTooManyRequests, "3600"), false},
		"a page":                 {vendortest.Page(http.StatusOK), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7}
			s.instance.Personal = []fakegitlab.AccessToken{access(32, "laptop", "2026-12-05")}
			s.server.Misbehave(vendortest.Manner{On: "/projects/shop/access_tokens", Times: vendortest.Always, Answer: test.answer})
			found, _ := s.collect(t, Options{Token: s.administrator(""), Personal: true, Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
			checktest.Of[watch.Problem](t, found, "listed/project/shop/access")
			if !test.told {
				checktest.WantProblem(t, found["listed/personal"], watch.Incomplete, "project access tokens of project shop could not be read")
				return
			}
			checktest.Of[watch.Credential](t, found, "listed/personal/32")
		})
	}
}

func TestAPageThatCannotBeFollowedIsNotTheLast(t *testing.T) {
	for name, header := range map[string][2]string{
		"the same page":     {"X-Next-Page", "1"},
		"a word":            {"X-Next-Page", "abc"},
		"a page further on": {"X-Next-Page", "3"},
		"a cursor":          {"Link", `<https://x/a?cursor=x>; rel="next"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.instance.Projects["shop"] = fakegitlab.Resource{ID: 7}
			s.server.Misbehave(vendortest.Manner{On: "/access_tokens", Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				w.Header().Set(header[0], header[1])
				vendortest.Reply(http.StatusOK, "application/json", `[{"id":5,"name":"x","expires_at":"2026-12-01"}]`)(w, r, nil)
			}})
			found, _ := s.collect(t, Options{Token: s.administrator(""), Projects: []Project{{Entry: named("shop"), Project: "shop"}}})
			checktest.WantProblem(t, found["listed/project/shop/access"], watch.Incomplete, "page 1 of the list does not say where the next one is")
			checktest.Of[watch.Credential](t, found, "listed/project/shop/access/5")
		})
	}
}

// users answers for all users as told.
func users(answer vendortest.Answer) vendortest.Manner {
	return vendortest.Manner{Times: vendortest.Always, Answer: func(w http.ResponseWriter, r *http.Request, usual http.Handler) {
		if strings.HasPrefix(r.URL.Path, "/api/v4/users/") {
			answer(w, r, usual)
			return
		}
		usual.ServeHTTP(w, r)
	}}
}

func TestWhoTheUsersAreDelaysAndHidesNoToken(t *testing.T) {
	for name, answer := range map[string]vendortest.Answer{
		"throttled": vendortest.Status(http.StatusTooManyRequests, "3600"),
		"no answer": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			for i := range int64(5) {
				token := access(100+i, fmt.Sprint("laptop ", i), "2026-12-02")
				token.UserID = 200 + i
				s.instance.Personal = append(s.instance.Personal, token)
			}
			s.server.Misbehave(users(answer))
			found, _ := s.collect(t, Options{Token: s.administrator(""), Personal: true})
			if len(found) != 5 || len(found.Problems()) != 0 {
				t.Errorf("told %v", found)
			}
			if told := checktest.Of[watch.Credential](t, found, "listed/personal/100"); told.Subject.Name != "laptop 0 of user 200" {
				t.Errorf("told %+v", told)
			}
			asked := 0
			for _, request := range s.server.Requests() {
				if strings.HasPrefix(request.Path, "/api/v4/users/") {
					asked++
				}
			}
			if asked != 1 {
				t.Errorf("it asked %d times who a user is", asked)
			}
		})
	}
}
