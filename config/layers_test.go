package config

import (
	"slices"
	"testing"
	"time"

	"lapsewatch/watch"
)

func TestLayers_FlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	type values struct{ flag, env, file string }
	cases := []struct {
		name   string
		given  values
		want   time.Duration
		wanted string
	}{
		{"nothing is given", values{}, 5 * time.Second, ""},
		{"the file only", values{file: "6s"}, 6 * time.Second, ""},
		{"environment over file", values{env: "7s", file: "6s"}, 7 * time.Second, ""},
		{"an empty variable is none", values{env: "", file: "6s"}, 6 * time.Second, ""},
		{"flag over environment", values{flag: "8s", env: "7s", file: "6s"}, 8 * time.Second, ""},
		{"flag over file", values{flag: "8s", file: "6s"}, 8 * time.Second, ""},
		{"a wrong flag is named", values{flag: "8", env: "7s"}, 0, `--timeout: duration "8": want a positive number with its unit, such as 500ms, 5s, 2m, 1h or 7d`},
		{"a wrong variable is named", values{env: "7", file: "6s"}, 0, `LAPSEWATCH_LIMITS_TIMEOUT: duration "7": want a positive number with its unit, such as 500ms, 5s, 2m, 1h or 7d`},
		{"a flag does not excuse a wrong file", values{flag: "8s", file: "6"}, 0, `lapsewatch.yaml:5: limits.timeout: duration "6": want a positive number with its unit, such as 500ms, 5s, 2m, 1h or 7d`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			quietEnvironment(t)
			flags := testFlags()
			if c.given.flag != "" {
				if err := flags.Set("timeout", c.given.flag); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("LAPSEWATCH_LIMITS_TIMEOUT", c.given.env)
			text := smallest
			if c.given.file != "" {
				text += "limits: {timeout: " + c.given.file + "}\n"
			}
			loaded, err := loadText(fileName, []byte(text), Source{Flags: flags}, testCatalog(nil))
			switch {
			case c.wanted != "":
				if err == nil || err.Error() != c.wanted {
					t.Errorf("got:  %v\nwant: %s", err, c.wanted)
				}
			case err != nil:
				t.Error(err)
			case time.Duration(loaded.Limits.Timeout) != c.want:
				t.Errorf("timeout %v, want %v", time.Duration(loaded.Limits.Timeout), c.want)
			}
		})
	}
}

func TestLayers_EverySettingCanComeFromItsVariableAndItsFlag(t *testing.T) {
	texts := map[string]string{
		"policy.warn": "3mo", "policy.critical": "2d", "policy.reminders.warning": "3d", "policy.reminders.critical": "2h",
		"ledger.dsn": "sqlite:x.db", "log.format": "json", "log.level": "error",
		"limits.concurrency": "7", "limits.timeout": "1s", "limits.check_deadline": "2s", "limits.deadline": "3s",
	}
	lead := func(text string) *watch.Lead {
		parsed, err := watch.ParseLead(text)
		if err != nil {
			t.Fatal(err)
		}
		return &parsed
	}
	check := func(t *testing.T, got *Config) {
		t.Helper()
		if *got.Policy.Warn != *lead("3mo") || *got.Policy.Critical != *lead("2d") {
			t.Errorf("lead times %v, %v", got.Policy.Warn, got.Policy.Critical)
		}
		if got.Log.Format != LogJSON || got.Log.Level.Level() != 8 || got.Limits.Concurrency != 7 ||
			got.Limits.Timeout != watch.Duration(time.Second) || got.Limits.CheckDeadline != watch.Duration(2*time.Second) || got.Limits.Deadline != watch.Duration(3*time.Second) {
			t.Errorf("log %+v, limits %+v", got.Log, got.Limits)
		}
	}
	t.Run("from the environment", func(t *testing.T) {
		quietEnvironment(t)
		for _, s := range allSettings() {
			t.Setenv(s.env(), texts[s.key])
		}
		got, err := WithoutFile(nil)
		if err != nil {
			t.Fatal(err)
		}
		check(t, got)
		if got.Ledger.DSN.File() != "x.db" || got.Policy.Reminders.Warning != watch.Duration(72*time.Hour) || got.Policy.Reminders.Critical != watch.Duration(2*time.Hour) {
			t.Errorf("ledger %v, reminders %v", got.Ledger, got.Policy.Reminders)
		}
	})
	t.Run("from flags", func(t *testing.T) {
		quietEnvironment(t)
		flags := testFlags()
		for name, key := range FlagKeys() {
			if err := flags.Set(name, texts[key]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := WithoutFile(flags)
		if err != nil {
			t.Fatal(err)
		}
		check(t, got)
	})
}

func TestWithoutFile_TheDefaultsAreThese(t *testing.T) {
	quietEnvironment(t)
	// What a flag shows as its default in --help is not a choice of the user's.
	got, err := WithoutFile(testFlags())
	if err != nil {
		t.Fatal(err)
	}
	want := Limits{Concurrency: 256, Timeout: watch.Duration(5 * time.Second), CheckDeadline: watch.Duration(10 * time.Minute), Deadline: watch.Duration(15 * time.Minute)}
	if got.Limits != want || got.Log != (Log{Format: LogText}) || got.Policy.Warn != nil || got.Policy.Critical != nil {
		t.Errorf("got %+v", got)
	}
}

func TestWithoutFile_LeadTimesThatContradictNameTheFlag(t *testing.T) {
	quietEnvironment(t)
	flags := testFlags()
	for name, value := range map[string]string{"warn": "1d", "critical": "7d"} {
		if err := flags.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	_, err := WithoutFile(flags)
	if want := "--critical: critical (7d) is a longer lead time than warn (1d)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLayers_AVariableNamedLikeASectionBlanksNothing(t *testing.T) {
	quietEnvironment(t)
	for _, name := range []string{"LAPSEWATCH_LIMITS", "LAPSEWATCH_CHECKS", "LAPSEWATCH_POLICY", "LAPSEWATCH_LOG"} {
		t.Setenv(name, "x")
	}
	loaded := mustLoad(t, smallest+"limits: {timeout: 6s}\npolicy: {warn: 2mo}\nlog: {level: debug}\n")
	if loaded.Limits.Timeout != watch.Duration(6*time.Second) || len(loaded.Checks) != 1 || loaded.Policy.Warn.Months != 2 || loaded.Log.Level.Level() != -4 {
		t.Errorf("got %+v", loaded)
	}
}

func TestUnusedEnvironment(t *testing.T) {
	cases := []struct{ name, variable, value, want string }{
		{"a misspelt key", "LAPSEWATCH_LIMITS_TIMOUT", "5s", `the environment variable "LAPSEWATCH_LIMITS_TIMOUT" sets nothing (did you mean "LAPSEWATCH_LIMITS_TIMEOUT"?)`},
		{"a key without its section", "LAPSEWATCH_TIMEOUT", "5s", `the environment variable "LAPSEWATCH_TIMEOUT" sets nothing (did you mean "LAPSEWATCH_LIMITS_TIMEOUT"?)`},
		{"a section without a key", "LAPSEWATCH_LEDGER", "x", `the environment variable "LAPSEWATCH_LEDGER" sets nothing (did you mean "LAPSEWATCH_LEDGER_DSN"?)`},
		{"nothing like it", "LAPSEWATCH_FOO", "x", `the environment variable "LAPSEWATCH_FOO" sets nothing`},
		{"a list cannot be set", "LAPSEWATCH_CHECKS_0_NAME", "x", `the environment variable "LAPSEWATCH_CHECKS_0_NAME" sets nothing`},
		{"the file's place", "LAPSEWATCH_CONFIG", "x.yaml", ""},
		{"a setting", "LAPSEWATCH_LIMITS_TIMEOUT", "5s", ""},
		{"a secret that the file refers to", "LAPSEWATCH_PASSPHRASE", "x", ""},
		{"a service link: host", "LAPSEWATCH_SERVICE_HOST", "10.0.0.1", ""},
		{"a service link: named port", "LAPSEWATCH_SERVICE_PORT_HTTP", "80", ""},
		{"a service link: address", "LAPSEWATCH_PORT", "tcp://10.0.0.1:80", ""},
		{"a service link: protocol", "LAPSEWATCH_PORT_80_TCP_ADDR", "10.0.0.1", ""},
		{"a service link: a longer name", "LAPSEWATCH_DASHBOARD_SERVICE_PORT", "80", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			quietEnvironment(t)
			t.Setenv(c.variable, c.value)
			text := "alerts: [{name: a, kind: post}]\nchecks: [{name: w, kind: probe, options: {targets: [a]"
			if c.variable == "LAPSEWATCH_PASSPHRASE" {
				text += ", passphrase: {env: LAPSEWATCH_PASSPHRASE}"
			}
			loaded := mustLoad(t, text+"}}]\n")
			want := []string{c.want}
			if c.want == "" {
				want = nil
			}
			if !slices.Equal(loaded.Warnings, want) {
				t.Errorf("warnings %q, want %q", loaded.Warnings, want)
			}
		})
	}
}

func TestLedgerFileOf(t *testing.T) {
	cases := []struct{ name, state, home, want string }{
		{"where the user keeps state", "/state", "/home/a", "/state/lapsewatch/lapsewatch.db"},
		{"a relative path is ignored", "state", "/home/a", "/home/a/.local/state/lapsewatch/lapsewatch.db"},
		{"below the home directory", "", "/home/a", "/home/a/.local/state/lapsewatch/lapsewatch.db"},
		{"without a home", "", "", "lapsewatch.db"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", c.state)
			t.Setenv("HOME", c.home)
			if got := ledgerFileOf(1000); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got, want := ledgerFileOf(0), "/var/lib/lapsewatch/lapsewatch.db"; got != want {
				t.Errorf("for root got %s, want %s", got, want)
			}
		})
	}
}
