package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lapsewatch/internal/clean"
	"lapsewatch/internal/weblink"
	"lapsewatch/watch"
)

// Ledger is the `ledger` section.
type Ledger struct {
	DSN       DSN             `yaml:"dsn,omitempty" jsonschema_description:"where the ledger is kept: sqlite:FILE, or postgres://USER@HOST/DATABASE"`
	DSNFrom   watch.SecretRef `yaml:"dsn_from,omitempty" jsonschema_description:"where the DSN is kept, when it holds a password; it wins over dsn"`
	Retention watch.Duration  `yaml:"retention,omitempty" jsonschema_description:"how long the history of events and deliveries is kept; at least 30d"`
}

// Report is the `report` section.
type Report struct {
	Instance Instance `yaml:"instance,omitempty" jsonschema_description:"how this installation calls itself at the foot of messages; default the host's name"`
	URL      LinkURL  `yaml:"url,omitempty" jsonschema_description:"https URL at which people find the whole report; messages lead there"`
}

// Instance is a name for people, of one line.
type Instance string

const maxInstance = 100

// UnmarshalText refuses what would not fit the foot of a message.
func (i *Instance) UnmarshalText(text []byte) error {
	if clean.Text(string(text), maxInstance) != string(text) {
		return fmt.Errorf("want one line of at most %d characters", maxInstance)
	}
	*i = Instance(text)
	return nil
}

// LinkURL is an https URL that may be shown as a link.
type LinkURL string

// UnmarshalText refuses what messages would not show as a link.
func (u *LinkURL) UnmarshalText(text []byte) error {
	if weblink.HTTPS(string(text)) == "" {
		return errors.New("want an https URL such as https://lapsewatch.example.com/report")
	}
	*u = LinkURL(text)
	return nil
}

// IsDefault reports that the ledger lies where Lapsewatch itself keeps it, in a folder
// that is Lapsewatch's to make.
func (l Ledger) IsDefault() bool { return l.DSN == sqliteScheme+DSN(ledgerFileOf(os.Geteuid())) }

// Log is the `log` section.
type Log struct {
	Format LogFormat `yaml:"format,omitempty" jsonschema:"enum=text,enum=json" jsonschema_description:"how log lines are written"`
	Level  LogLevel  `yaml:"level,omitempty" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"the least grave line that is logged"`
}

// Limits is the `limits` section.
type Limits struct {
	Concurrency   Count          `yaml:"concurrency,omitempty" jsonschema_description:"how many subjects a check asks at a time"`
	Timeout       watch.Duration `yaml:"timeout,omitempty" jsonschema_description:"time for one look at one subject"`
	CheckDeadline watch.Duration `yaml:"check_deadline,omitempty" jsonschema_description:"time for one check; what it has not seen by then is a problem"`
	Deadline      watch.Duration `yaml:"deadline,omitempty" jsonschema_description:"time for the whole run"`
}

// setting is a single value that can come from a flag, the environment, the file or a
// default.
type setting struct {
	key string
	// flag is the name of the command line flag that sets it; empty if none does.
	flag string
	// fallback is the default, as it would be written; empty if there is none.
	fallback string
	// field is where the value goes.
	field func(*Config) encoding.TextUnmarshaler
}

// env is the one environment variable that sets it.
func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

func allSettings() []setting {
	type text = encoding.TextUnmarshaler
	return []setting{
		{"policy.warn", "warn", "", func(c *Config) text { return optionalLead{&c.Policy.Warn} }},
		{"policy.critical", "critical", "", func(c *Config) text { return optionalLead{&c.Policy.Critical} }},
		{"policy.reminders.warning", "", "", func(c *Config) text { return &c.Policy.Reminders.Warning }},
		{"policy.reminders.critical", "", "", func(c *Config) text { return &c.Policy.Reminders.Critical }},
		{"policy.reminders.settle", "", "", func(c *Config) text { return &c.Policy.Reminders.Settle }},
		{"ledger.dsn", "", sqliteScheme + ledgerFileOf(os.Geteuid()), func(c *Config) text { return &c.Ledger.DSN }},
		{"ledger.retention", "", "400d", func(c *Config) text { return &c.Ledger.Retention }},
		{"report.instance", "", "", func(c *Config) text { return &c.Report.Instance }},
		{"report.url", "", "", func(c *Config) text { return &c.Report.URL }},
		{"log.format", "log-format", "text", func(c *Config) text { return &c.Log.Format }},
		{"log.level", "log-level", "info", func(c *Config) text { return &c.Log.Level }},
		{"limits.concurrency", "concurrency", "256", func(c *Config) text { return &c.Limits.Concurrency }},
		{"limits.timeout", "timeout", "5s", func(c *Config) text { return &c.Limits.Timeout }},
		{"limits.check_deadline", "check-deadline", "10m", func(c *Config) text { return &c.Limits.CheckDeadline }},
		{"limits.deadline", "deadline", "15m", func(c *Config) text { return &c.Limits.Deadline }},
	}
}

// optionalLead reads a lead time into a pointer, which stays as it is when that fails.
type optionalLead struct{ into **watch.Lead }

func (o optionalLead) UnmarshalText(text []byte) error {
	lead, err := watch.ParseLead(string(text))
	if err == nil {
		*o.into = &lead
	}
	return err
}

// ledgerFileOf is where a user's ledger is by default: below /var/lib for root, and
// otherwise where the XDG Base Directory Specification keeps state. Without a home
// directory it is in the working directory.
func ledgerFileOf(uid int) string {
	const name = "lapsewatch.db"
	if uid == 0 {
		return filepath.Join("/var/lib/lapsewatch", name)
	}
	// The specification says to ignore a relative path.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lapsewatch", name)
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "lapsewatch", name)
	}
	return name
}

// LogFormat is "text" or "json".
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UnmarshalText accepts the log formats.
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch format := LogFormat(text); format {
	case LogText, LogJSON:
		*f = format
		return nil
	default:
		return fmt.Errorf("log format %q: want text or json", text)
	}
}

// LogLevel is a level of log/slog: debug, info, warn or error.
type LogLevel slog.Level

// Level makes a LogLevel a slog.Leveler.
func (l LogLevel) Level() slog.Level { return slog.Level(l) }

// UnmarshalText accepts the four names, in lower case.
func (l *LogLevel) UnmarshalText(text []byte) error {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if string(text) == strings.ToLower(level.String()) {
			*l = LogLevel(level)
			return nil
		}
	}
	return fmt.Errorf("log level %q: want debug, info, warn or error", text)
}

// Count is how many of something may be at once, from 1 to 10000.
type Count int

const maxCount = 10_000

// UnmarshalText reads a whole decimal number.
func (c *Count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxCount || text[0] == '0' || text[0] == '+' {
		return fmt.Errorf("count %q: want a whole number from 1 to %d", text, maxCount)
	}
	*c = Count(n)
	return nil
}
