package slack_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/slack"
	"lapsewatch/internal/entry"
	"lapsewatch/internal/fakeslack"
	"lapsewatch/internal/listedtoken/looktest"
	"lapsewatch/internal/vendortest"
	"lapsewatch/watch"
)

// now is the instant that tests judge as of, and Slack's clock.
var now = time.Date(2026, time.November, 22, 6, 0, 0, 0, time.UTC)

const (
	botToken      = "xoxb-2048-4096-CANARYbotCANARY"
	userToken     = "xoxp-2048-4096-CANARYuserCANARY"
	rotatingToken = "xoxe.xoxb-1-CANARYrotatingCANARY"
	appToken      = "xapp-1-A0123ABCD-4096-CANARYappCANARY"
)

// scene is a running Slack and a check of it.
type scene struct {
	*looktest.World
	server *vendortest.Server
	slack  *fakeslack.Slack
	env    checks.Env
	check  watch.Check
}

func tokens(named ...string) []slack.Token {
	var listed []slack.Token
	for _, name := range named {
		listed = append(listed, slack.Token{Entry: entry.Entry{Name: name}, Token: watch.SecretRef{Env: name}})
	}
	return listed
}

// begin starts a Slack that knows known; the check lists each of secrets under its name.
func begin(t *testing.T, secrets map[string]string, known []fakeslack.Token, manners ...vendortest.Manner) *scene {
	t.Helper()
	s := &scene{World: looktest.New(now, secrets)}
	s.slack = fakeslack.New(s.Now, known...)
	s.server = looktest.Serve(t, s.slack, manners...)
	s.env = s.Env()
	s.configure(t, slices.Sorted(maps.Keys(secrets))...)
	return s
}

func (s *scene) options(named ...string) slack.Options {
	return slack.Options{Tokens: tokens(named...), URL: s.server.URL + "/api", CAFile: s.server.CAFile}
}

func (s *scene) configure(t *testing.T, named ...string) {
	t.Helper()
	s.check = checktest.Build(t, slack.Kind, s.options(named...), s.env)
}

func (s *scene) collect(t *testing.T) checktest.Facts {
	t.Helper()
	facts, remarks := s.Collect(t, s.check)
	checktest.Equal(t, "remarks", len(remarks), 0)
	return facts
}
