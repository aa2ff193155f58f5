package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lapsewatch/internal/parts"
)

// The scripts of this folder find the addresses of real chronyds in their variables:
// TRUE1 to TRUE5, FALSE (5 s ahead), YEAR1 to YEAR4 (a year behind), AHEAD (a year ahead),
// ZONE (8 h 59 min 59 s ahead), FREE (not synchronised), and SILENT, where nobody answers.
func TestClockScripts(t *testing.T) {
	const year = 365 * 24 * time.Hour
	servers := map[string]string{"SILENT": "127.0.0.1:9"}
	for _, name := range []string{"TRUE1", "TRUE2", "TRUE3", "TRUE4", "TRUE5"} {
		servers[name] = parts.TrueTime(t).NTP
	}
	for name, offset := range map[string]time.Duration{
		"FALSE": 5 * time.Second, "YEAR1": -year, "YEAR2": -year, "YEAR3": -year, "YEAR4": -year,
		"AHEAD": year, "ZONE": 9*time.Hour - time.Second,
	} {
		servers[name] = parts.ShiftedTime(t, offset).NTP
	}
	servers["FREE"] = parts.UnsynchronisedTime(t).NTP
	testscript.Run(t, testscript.Params{
		Dir: "testdata/clock",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("TMPDIR", env.WorkDir)
			for name, address := range servers {
				env.Setenv(name, address)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"cert": makeCert, "exitcode": wantExitCode, "envsubst": substitute, "webhookserver": startWebhook,
		},
		RequireExplicitExec: true,
	})
}
