package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"lapsewatch/alerts"
	"lapsewatch/checks"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// probeOptions have one key of every type that options are made of.
type probeOptions struct {
	Targets    []string          `yaml:"targets" jsonschema_description:"what to look at"`
	Port       uint16            `yaml:"port,omitempty" jsonschema_description:"port to use"`
	Verify     bool              `yaml:"verify,omitempty" jsonschema_description:"also verify the chain"`
	Timeout    watch.Duration    `yaml:"timeout,omitempty" jsonschema_description:"time for one look"`
	Trust      trust             `yaml:"trust,omitempty" jsonschema_description:"what to trust"`
	Passphrase watch.SecretRef   `yaml:"passphrase,omitempty" jsonschema_description:"opens the files"`
	Keys       []watch.SecretRef `yaml:"keys,omitempty" jsonschema_description:"further keys"`
	Nodes      []node            `yaml:"nodes,omitempty" jsonschema_description:"single nodes"`
}

// node is written as text or as a mapping.
type node struct {
	Host string `yaml:"host" jsonschema_description:"its name"`
	Port *int16 `yaml:"port,omitempty" jsonschema_description:"its port"`
}

func (n *node) UnmarshalText(text []byte) error {
	n.Host = string(text)
	return nil
}

func (n *node) UnmarshalYAML(decode func(any) error) error {
	if decode(&n.Host) == nil {
		return nil
	}
	type mapping node
	return decode((*mapping)(n))
}

type trust struct {
	System bool   `yaml:"system,omitempty" jsonschema_description:"trust the system's store"`
	File   string `yaml:"file,omitempty" jsonschema_description:"a PEM file"`
}

func (o probeOptions) Validate() error {
	var problems []error
	if len(o.Targets) == 0 {
		problems = append(problems, &watch.FieldError{Path: "targets", Err: errors.New("give at least one target")})
	}
	for i, target := range o.Targets {
		if strings.Contains(target, " ") {
			problems = append(problems, &watch.FieldError{Path: fmt.Sprintf("targets[%d]", i), Err: errors.New("a target has no spaces")})
		}
	}
	return errors.Join(problems...)
}

type postOptions struct {
	common `yaml:",inline"`
	To     []string        `yaml:"to" jsonschema_description:"who is told"`
	Token  watch.SecretRef `yaml:"token,omitempty" jsonschema_description:"signs messages"`
}

type common struct {
	Host string `yaml:"host,omitempty" jsonschema_description:"server"`
}

// testCatalog has a check kind and a channel kind; built collects what was built.
func testCatalog(built *[]probeOptions) Catalog {
	defaults := func() probeOptions { return probeOptions{Port: 443, Trust: trust{System: true}} }
	return Catalog{
		Checks: []checks.Kind{
			checks.Define("probe", defaults, func(options probeOptions, _ checks.Env) (watch.Check, error) {
				if built != nil {
					*built = append(*built, options)
				}
				return nil, nil
			}),
			checks.Define("files", func() map[string]any { return nil }, func(map[string]any, checks.Env) (watch.Check, error) { return nil, nil }),
		},
		Alerts: []alerts.Kind{
			alerts.Define("post", func() postOptions { return postOptions{} }, func(postOptions, alerts.Env) (alerts.Channel, error) { return silent{}, nil }),
		},
	}
}

// silent is a channel for configurations that are only loaded.
type silent struct{ alerts.Channel }

func (silent) Recipients() []string { return []string{""} }

// write puts a configuration into a folder of its own, as lapsewatch.yaml.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// quietEnvironment takes away what the machine that runs the tests has set.
func quietEnvironment(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, value)
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	loaded, err := Load(Source{Path: write(t, text), Secrets: ReadSecret}, testCatalog(nil))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

const smallest = "checks:\n  - name: web\n    kind: probe\n    options: {targets: [example.com]}\n"

func TestLoad_EveryKeyOfTheFileArrives(t *testing.T) {
	quietEnvironment(t)
	t.Setenv("PROBE_KEY", "k")
	var built []probeOptions
	loaded, err := Load(Source{Path: "testdata/everything.yaml", Secrets: ReadSecret}, testCatalog(&built))
	if err != nil {
		t.Fatal(err)
	}
	warn, critical := watch.Lead{Months: 2}, watch.Lead{Fixed: 72 * time.Hour}
	ruleWarn := watch.Lead{Fixed: 48 * time.Hour}
	wantPolicy := policy.Settings{
		Warn: &warn, Critical: &critical,
		Reminders: policy.Reminders{Warning: watch.Duration(72 * time.Hour), Critical: watch.Duration(12 * time.Hour)},
		Rules: []policy.Rule{
			{Match: policy.Match{Check: "web"}, Warn: &ruleWarn},
			{Match: policy.Match{Kind: "probe", Reason: watch.SelfSigned}, Severity: watch.Notice},
		},
	}
	if diff := cmp.Diff(wantPolicy, loaded.Policy); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	wantRoutes := []policy.Route{
		{Match: policy.Match{Severity: watch.Critical, Labels: []policy.LabelMatch{{Name: "team", Value: "web"}}}, To: []string{"hook"}},
		{To: []string{"hook", "second.hook"}},
	}
	if diff := cmp.Diff(wantRoutes, loaded.Routing.Routes); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
	if loaded.Ledger.DSN.File() != "/var/tmp/ledger.db" || loaded.Log != (Log{Format: LogJSON, Level: LogLevel(-4)}) {
		t.Errorf("ledger %v, log %v", loaded.Ledger, loaded.Log)
	}
	wantLimits := Limits{Concurrency: 64, Timeout: watch.Duration(2 * time.Second), CheckDeadline: watch.Duration(time.Minute), Deadline: watch.Duration(2 * time.Minute)}
	if loaded.Limits != wantLimits {
		t.Errorf("limits %+v, want %+v", loaded.Limits, wantLimits)
	}
	check := loaded.Checks[0]
	checkWarn := watch.Lead{Fixed: 14 * 24 * time.Hour}
	if diff := cmp.Diff(policy.LeadTimes{Warn: &checkWarn}, check.LeadTimes); diff != "" {
		t.Errorf("lead times of the check (-want +got):\n%s", diff)
	}
	if check.Name != "web" || check.Kind.Name() != "probe" || check.Labels["team"] != "web" || check.Labels["site"] != "north 1" {
		t.Errorf("check %+v", check)
	}
	wantOptions := probeOptions{
		Targets: []string{"a.example", "b.example"}, Port: 8443, Verify: true, Timeout: watch.Duration(time.Second),
		Trust: trust{System: true, File: "/etc/ca.pem"}, Keys: []watch.SecretRef{{Env: "PROBE_KEY"}},
		Nodes: []node{{Host: "n1"}, {Host: "n2", Port: new(int16(70))}},
	}
	if diff := cmp.Diff([]probeOptions{wantOptions}, built); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if len(loaded.Alerts) != 2 || loaded.Alerts[1].Name != "second.hook" || loaded.Alerts[1].Kind.Name() != "post" {
		t.Errorf("alerts %+v", loaded.Alerts)
	}
	if len(loaded.Warnings) != 0 {
		t.Errorf("warnings %q", loaded.Warnings)
	}
}

func TestLoad_DecodeFillsOptionsAgainAndAgain(t *testing.T) {
	loaded := mustLoad(t, smallest)
	for range 2 {
		options := probeOptions{Port: 443}
		if err := loaded.Checks[0].Decode(&options); err != nil || options.Port != 443 || !slices.Equal(options.Targets, []string{"example.com"}) {
			t.Errorf("decoded %+v, error %v", options, err)
		}
	}
}

func TestLoad_ByteOrderMarkAndWindowsLineEndsAreAccepted(t *testing.T) {
	loaded := mustLoad(t, "\ufeff"+strings.ReplaceAll(smallest, "\n", "\r\n"))
	var options probeOptions
	if err := loaded.Checks[0].Decode(&options); err != nil || options.Targets[0] != "example.com" {
		t.Errorf("decoded %q, error %v", options.Targets, err)
	}
}

func TestLoad_AnAliasRepeatsAValue(t *testing.T) {
	loaded := mustLoad(t, `checks:
  - {name: a, kind: probe, options: &shared {targets: [example.com], port: 8443}}
  - {name: b, kind: probe, options: *shared}
`)
	options := probeOptions{}
	if err := loaded.Checks[1].Decode(&options); err != nil || options.Port != 8443 {
		t.Errorf("decoded %+v, error %v", options, err)
	}
}

func TestLoad_NothingInTheFileIsExpanded(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	loaded := mustLoad(t, strings.ReplaceAll(smallest, "example.com", "'$HOME.${HOME}.{{HOME}}'"))
	var options probeOptions
	if err := loaded.Checks[0].Decode(&options); err != nil || options.Targets[0] != "$HOME.${HOME}.{{HOME}}" {
		t.Errorf("decoded %q, error %v", options.Targets, err)
	}
}

func TestLoad_Warnings(t *testing.T) {
	quietEnvironment(t)
	loaded := mustLoad(t, smallest)
	if want := []string{"no alerts are configured: nobody will be told of anything"}; !slices.Equal(loaded.Warnings, want) {
		t.Errorf("warnings %q, want %q", loaded.Warnings, want)
	}
	loaded = mustLoad(t, smallest+"alerts: [{name: a, kind: post}, {name: b, kind: post}]\nroutes: [{to: [a]}]\n")
	if want := []string{`no route leads to the alert "b": it will tell nobody`}; !slices.Equal(loaded.Warnings, want) {
		t.Errorf("warnings %q, want %q", loaded.Warnings, want)
	}
}

// What a check watches may be gone for a moment: that is its finding, and no reason to watch
// nothing else.
func TestLoad_AWatchedSecretThatIsNotThereIsAWarning(t *testing.T) {
	quietEnvironment(t)
	type options struct {
		Tokens []struct {
			Token watch.SecretRef `yaml:"token" watched:"true"`
		} `yaml:"tokens"`
		Own watch.SecretRef `yaml:"own,omitempty"`
	}
	only := Catalog{Checks: []checks.Kind{
		checks.Define("seen", func() options { return options{} }, func(options, checks.Env) (watch.Check, error) { return nil, nil }),
	}}
	load := func(own string) (*Config, error) {
		path := filepath.Join(t.TempDir(), fileName)
		text := "checks: [{name: a, kind: seen, options: {tokens: [{token: {file: /not/there}}]" + own + "}}]\nalerts: []\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Source{Path: path, Secrets: ReadSecret}, only)
	}
	loaded, err := load("")
	want := "checks[0].options.tokens[0].token: read the secret in file /not/there: no such file or directory; as long as that lasts it is a finding of the check"
	if err != nil || !slices.Contains(loaded.Warnings, want) {
		t.Errorf("error %v, warnings %q", err, loaded.Warnings)
	}
	if _, err := load(", own: {file: /not/there}"); err == nil || !strings.Contains(err.Error(), "checks[0].options.own: read the secret in file /not/there: no such file or directory") {
		t.Errorf("of what the check signs in with: %v", err)
	}
}

func TestFind_TheFirstOfTheUsualPlacesWins(t *testing.T) {
	quietEnvironment(t)
	work, home := t.TempDir(), t.TempDir()
	t.Chdir(work)
	t.Setenv("XDG_CONFIG_HOME", home)
	inHome := filepath.Join(home, "lapsewatch", fileName)
	steps := []struct {
		name string
		do   func() error
		want string
	}{
		{"the user's own file", func() error {
			return errors.Join(os.Mkdir(filepath.Dir(inHome), 0o700), os.WriteFile(inHome, nil, 0o600))
		}, inHome},
		{"a JSON file and a program of that name are none", func() error {
			return errors.Join(os.WriteFile("lapsewatch.json", nil, 0o600), os.WriteFile("lapsewatch", nil, 0o700))
		}, inHome},
		{"the working directory goes first", func() error { return os.WriteFile(fileName, nil, 0o600) }, fileName},
		{"LAPSEWATCH_CONFIG goes before it", func() error { t.Setenv(fileEnv, "/env.yaml"); return nil }, "/env.yaml"},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got, err := (Source{}).find(); err != nil || got != step.want {
			t.Errorf("%s: found %q, %v, want %q", step.name, got, err, step.want)
		}
	}
	if got, err := (Source{Path: "/flag.yaml"}).find(); err != nil || got != "/flag.yaml" {
		t.Errorf("--config goes before all: found %q, %v", got, err)
	}
}

func TestLoad_WhereNoFileIs(t *testing.T) {
	quietEnvironment(t)
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "/nowhere")
	_, err := Load(Source{}, testCatalog(nil))
	want := "no configuration found: looked for lapsewatch.yaml, /nowhere/lapsewatch/lapsewatch.yaml and /etc/lapsewatch/lapsewatch.yaml; write one with `lapsewatch config init`, or name it with --config FILE"
	if !errors.Is(err, ErrNoFile) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = Load(Source{Path: "gone.yaml"}, testCatalog(nil))
	if want := "read configuration: open gone.yaml: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = Load(Source{Path: "."}, testCatalog(nil))
	if want := "read configuration: . is a directory: name the file in it"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestInitFile_WritesTheExampleOnceAndNeverOverAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	if err := InitFile(path); err != nil {
		t.Fatal(err)
	}
	want := "write configuration: " + path + " exists and is left as it is: name another file or remove it"
	if err := InitFile(path); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != string(Example()) {
		t.Errorf("the file does not hold the example: %v", err)
	}
}

func testFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("lapsewatch", pflag.ContinueOnError)
	for name := range FlagKeys() {
		// As a command would show its default in --help.
		flags.String(name, "1mo", "")
	}
	return flags
}

// freeCatalog has the kinds of the example, with options of any keys. That their keys are
// those of the real kinds is tested beside the catalog, which knows them.
func freeCatalog() Catalog {
	var catalog Catalog
	anything := func() map[string]any { return nil }
	for _, name := range []string{"tls", "certfiles"} {
		catalog.Checks = append(catalog.Checks, checks.Define(name, anything, func(map[string]any, checks.Env) (watch.Check, error) { return nil, nil }))
	}
	for _, name := range []string{"email", "webhook"} {
		catalog.Alerts = append(catalog.Alerts, alerts.Define(name, anything, func(map[string]any, alerts.Env) (alerts.Channel, error) { return silent{}, nil }))
	}
	return catalog
}
