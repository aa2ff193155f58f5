package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(testCatalog(nil))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("lapsewatch.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("lapsewatch.json")
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 2020 {
		t.Errorf("draft %d, want 2020-12", schema.DraftVersion)
	}
	return schema
}

func againstSchema(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var value any
	if err := yaml.Load([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

func TestSchema_AcceptsWhatLoadAccepts(t *testing.T) {
	schema := compiledSchema(t)
	everything, err := readFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// YAML 1.1 writes true as yes, which JSON does not know.
	text := strings.Replace(string(everything), "verify: yes", "verify: true", 1)
	for _, text := range []string{smallest, text} {
		if err := againstSchema(t, schema, text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestSchema_RefusesMistakes(t *testing.T) {
	schema := compiledSchema(t)
	cases := []struct{ name, text, where string }{
		{"no checks", "log: {level: info}\n", "missing property 'checks'"},
		{"a misspelt section", smallest + "polcy: {}\n", "polcy"},
		{"a misspelt key of a check", "checks: [{name: a, kind: probe, lables: []}]\n", "lables"},
		{"a check without a name", "checks: [{kind: probe}]\n", "name"},
		{"a name with a space", "checks: [{name: a b, kind: probe}]\n", "/checks/0/name"},
		{"an unknown kind", "checks: [{name: a, kind: prob}]\n", "/checks/0/kind"},
		{"a misspelt option", "checks: [{name: a, kind: probe, options: {targetz: [a]}}]\n", "targetz"},
		{"a misspelt nested option", "checks: [{name: a, kind: probe, options: {trust: {sistem: true}}}]\n", "sistem"},
		{"an option of the wrong type", "checks: [{name: a, kind: probe, options: {targets: a}}]\n", "/checks/0/options/targets"},
		{"an inlined option of the wrong type", "checks: [{name: a, kind: probe}]\nalerts: [{name: a, kind: post, options: {host: [a]}}]\n", "/alerts/0/options/host"},
		{"a time without its unit", smallest + "limits: {timeout: 5}\n", "/limits/timeout"},
		{"a lead time that is none", smallest + "policy: {warn: 30s}\n", "/policy/warn"},
		{"an unknown level", smallest + "log: {level: loud}\n", "/log/level"},
		{"a secret in place of its reference", "checks: [{name: a, kind: probe, options: {passphrase: x}}]\n", "/checks/0/options/passphrase"},
		{"a reference that names two places", "checks: [{name: a, kind: probe, options: {passphrase: {file: a, env: b}}}]\n", "/checks/0/options/passphrase"},
		{"a misspelt key where text would do too", "checks: [{name: a, kind: probe, options: {nodes: [{hots: a}]}}]\n", "/checks/0/options/nodes/0"},
		{"a reason that there is not", smallest + "policy: {rules: [{match: {reason: selfsigned}, severity: ok}]}\n", "/policy/rules/0/match/reason"},
		{"a route to text", smallest + "routes: [{to: mail}]\n", "/routes/0/to"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := againstSchema(t, schema, c.text); err == nil || !strings.Contains(err.Error(), c.where) {
				t.Errorf("got %v, want it to speak of %s", err, c.where)
			}
		})
	}
}

// An editor shows these at the key.
func TestSchema_DescribesEveryKeyAndGivesTheDefaults(t *testing.T) {
	schema := compiledSchema(t)
	var undescribed []string
	var visit func(at string, s *jsonschema.Schema)
	visit = func(at string, s *jsonschema.Schema) {
		for name, property := range s.Properties {
			inCondition := strings.Contains(at, "allOf") && (name == "kind" || name == "options")
			if property.Description == "" && !inCondition {
				undescribed = append(undescribed, at+"/"+name)
			}
			visit(at+"/"+name, property)
		}
		if items, ok := s.Items2020, s.Items2020 != nil; ok {
			visit(at+"[]", items)
		}
		for _, branch := range s.AllOf {
			visit(at+"/allOf", branch.Then)
		}
	}
	visit("", schema)
	if len(undescribed) > 0 {
		t.Errorf("without a description: %q", undescribed)
	}
	timeout := schema.Properties["limits"].Properties["timeout"]
	if timeout.Default == nil || *timeout.Default != "5s" {
		t.Errorf("default of limits.timeout: %v", timeout.Default)
	}
}
