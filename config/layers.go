package config

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const envPrefix = "LAPSEWATCH_"

// layers decides for every setting which of flag, environment, file and default wins.
type layers struct {
	viper *viper.Viper
	flags *pflag.FlagSet
}

// newLayers binds every setting by its full name, and nothing else: with viper's
// AutomaticEnv a variable that is named like a section would blank that section.
func newLayers(flags *pflag.FlagSet, file map[string]string) layers {
	l := layers{viper: viper.NewWithOptions(viper.WithLogger(slog.New(slog.DiscardHandler))), flags: flags}
	for _, s := range allSettings() {
		if s.fallback != "" {
			l.viper.SetDefault(s.key, s.fallback)
		}
		// Both calls fail only for a missing name.
		_ = l.viper.BindEnv(s.key, s.env())
		if flag := l.flag(s); flag != nil {
			_ = l.viper.BindPFlag(s.key, flag)
		}
		if written, ok := file[s.key]; ok {
			_ = l.viper.MergeConfigMap(nested(s.key, written))
		}
	}
	return l
}

func nested(key, value string) map[string]any {
	section, rest, deeper := strings.Cut(key, ".")
	if !deeper {
		return map[string]any{key: value}
	}
	return map[string]any{section: nested(rest, value)}
}

func (l layers) flag(s setting) *pflag.Flag {
	if l.flags == nil || s.flag == "" {
		return nil
	}
	return l.flags.Lookup(s.flag)
}

// FlagKeys tells which setting each known flag sets: "timeout" → "limits.timeout".
func FlagKeys() map[string]string {
	keys := map[string]string{}
	for _, s := range allSettings() {
		if s.flag != "" {
			keys[s.flag] = s.key
		}
	}
	return keys
}

// settings puts the winning value of every setting into the configuration.
func (l *loading) settings() {
	for _, s := range allSettings() {
		if !l.layers.viper.IsSet(s.key) {
			continue
		}
		err := s.field(&l.config).UnmarshalText([]byte(l.layers.viper.GetString(s.key)))
		// What is wrong in the file was refused with its line when it was decoded.
		if origin := l.layers.origin(s); err != nil && origin != "" {
			l.add(&Problem{Source: origin, Err: err})
		}
	}
	l.refuseAll("policy", l.config.Policy.Validate())
}

// origin names the flag or the environment variable that the value comes from; it is
// empty for the file and for defaults.
func (l layers) origin(s setting) string {
	if flag := l.flag(s); flag != nil && flag.Changed {
		return "--" + flag.Name
	}
	if os.Getenv(s.env()) != "" {
		return s.env()
	}
	return ""
}

// blame moves a problem from the file to the flag or variable that won over it.
func (l layers) blame(problem *Problem) *Problem {
	for _, s := range allSettings() {
		if s.key != problem.Key {
			continue
		}
		if origin := l.origin(s); origin != "" {
			return &Problem{Source: origin, Err: problem.Err}
		}
	}
	return problem
}

// serviceLink is what Kubernetes sets in every pod for a Service whose name begins with
// lapsewatch.
var serviceLink = regexp.MustCompile(`^LAPSEWATCH_(.+_)?(SERVICE_(HOST|PORT)(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// unusedEnvironment warns of variables that look like settings and are none.
func unusedEnvironment(inUse map[string]bool) []string {
	names := []string{strings.TrimPrefix(fileEnv, envPrefix)}
	for _, s := range allSettings() {
		names = append(names, strings.TrimPrefix(s.env(), envPrefix))
	}
	settings := newVocabulary(names)
	var warnings []string
	for _, variable := range os.Environ() {
		variable, _, _ = strings.Cut(variable, "=")
		name, ours := strings.CutPrefix(variable, envPrefix)
		if !ours || settings.known[name] || inUse[variable] || serviceLink.MatchString(variable) {
			continue
		}
		warning := fmt.Sprintf("the environment variable %s sets nothing", quoted(variable))
		if meant := settingMeant(name, settings); meant != "" {
			warning += fmt.Sprintf(" (did you mean %q?)", envPrefix+meant)
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

// settingMeant finds a setting by a part of its name: TIMEOUT lacks the section, LEDGER
// the key.
func settingMeant(name string, settings vocabulary) string {
	for _, setting := range settings.words {
		if strings.HasSuffix(setting, "_"+name) || strings.HasPrefix(setting, name+"_") {
			return setting
		}
	}
	return settings.similar(name)
}
