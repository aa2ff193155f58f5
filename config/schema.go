package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"go.yaml.in/yaml/v4"

	"lapsewatch/internal/heartbeat"
	"lapsewatch/policy"
	"lapsewatch/watch"
)

// Schema is the JSON Schema (draft 2020-12) of the configuration, for editors. It finds
// unknown keys and mistyped values as they are written; what only Load can know, such as
// whether a secret is there, it does not.
func Schema(catalog Catalog) ([]byte, error) {
	reflector := newReflector(writtenAs)
	root := reflector.Reflect(&fileForm{})
	root.Title = "Lapsewatch configuration"
	root.Required = []string{"checks"}
	setProperty(root, "checks", entries(reflector, &checkForm{}, catalog.Checks, "what is watched"))
	setProperty(root, "alerts", entries(reflector, &alertForm{}, catalog.Alerts, "the channels that tell people"))
	setProperty(root, "incidents", entries(reflector, &incidentForm{}, catalog.Incidents, "the status systems on which incident stubs are kept"))
	switched := nestedSchema(reflector, reflect.TypeFor[heartbeat.Options]())
	switched.Description = "the dead man's switch that is pinged at the start and the end of each run"
	setProperty(root, "heartbeat", switched)
	clock := nestedSchema(reflector, reflect.TypeFor[Clock]())
	clock.Description = "whose time is believed: asked first in each pass, to judge the own clock and those of hosts"
	setProperty(root, "clock", clock)
	routes := &jsonschema.Schema{
		Type:        "array",
		Items:       nestedSchema(reflector, reflect.TypeFor[policy.Route]()),
		Description: "who hears of what; without routes every alert hears everything",
	}
	setProperty(root, "routes", routes)
	for _, s := range allSettings() {
		// Where the ledger is by default depends on the machine.
		if s.fallback != "" && s.key != "ledger.dsn" {
			setDefault(property(root, s.key), s.fallback)
		}
	}
	text, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("write the configuration's schema: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return nil, fmt.Errorf("write the configuration's schema: %w", err)
	}
	return indented.Bytes(), nil
}

type schemaKind interface {
	kind
	Options() reflect.Type
}

// entries is a list whose items' options depend on their kind.
func entries[K schemaKind](reflector *jsonschema.Reflector, form any, catalog []K, description string) *jsonschema.Schema {
	item := reflector.Reflect(form)
	item.Version = ""
	item.Required = []string{"name", "kind"}
	setProperty(item, "name", &jsonschema.Schema{Type: "string", Pattern: namePattern.String(), Description: "a name of your choice, for messages, routes and rules"})
	kinds := &jsonschema.Schema{Type: "string", Description: "what it is"}
	setProperty(item, "kind", kinds)
	setProperty(item, "options", &jsonschema.Schema{Type: "object", Description: "settings of the kind"})
	for _, kind := range catalog {
		kinds.Enum = append(kinds.Enum, kind.Name())
		item.AllOf = append(item.AllOf, &jsonschema.Schema{
			If:   withProperty("kind", &jsonschema.Schema{Const: kind.Name()}, "kind"),
			Then: withProperty("options", nestedSchema(reflector, kind.Options())),
		})
	}
	slices.SortFunc(kinds.Enum, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return &jsonschema.Schema{Type: "array", Items: item, Description: description}
}

func nestedSchema(reflector *jsonschema.Reflector, t reflect.Type) *jsonschema.Schema {
	schema := reflector.ReflectFromType(t)
	schema.Version = ""
	return schema
}

func withProperty(name string, schema *jsonschema.Schema, required ...string) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(name, schema)
	return &jsonschema.Schema{Properties: properties, Required: required}
}

func setProperty(schema *jsonschema.Schema, name string, value *jsonschema.Schema) {
	schema.Properties.Set(name, value)
}

// property follows a setting's key; the schema has all of them.
func property(schema *jsonschema.Schema, key string) *jsonschema.Schema {
	for name := range strings.SplitSeq(key, ".") {
		schema, _ = schema.Properties.Get(name)
	}
	return schema
}

func setDefault(schema *jsonschema.Schema, fallback string) {
	if schema.Type == "integer" {
		schema.Default = json.Number(fallback)
		return
	}
	schema.Default = fallback
}

const (
	leadSyntax     = `^[0-9]{1,4}(mo|d|h)$`
	durationSyntax = `^([0-9]{1,5}d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`
)

// writtenAs gives the schema of types that are not written as what they are in Go.
func writtenAs(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[watch.Lead]():
		return &jsonschema.Schema{Type: "string", Pattern: leadSyntax}
	case reflect.TypeFor[watch.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationSyntax}
	case reflect.TypeFor[Count]():
		return &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: json.Number(fmt.Sprint(maxCount))}
	case reflect.TypeFor[DSN]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(sqlite:.|postgres(ql)?://)`}
	case reflect.TypeFor[watch.Reason]():
		return &jsonschema.Schema{Type: "string", Enum: enumOf(watch.Reasons())}
	case reflect.TypeFor[watch.SecretRef]():
		return secretSchema()
	case reflect.TypeFor[yaml.Node]():
		return &jsonschema.Schema{}
	}
	switch readsText, readsMore := readsAs[encoding.TextUnmarshaler](t), readsAs[yamlUnmarshaler](t); {
	case readsText && readsMore:
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, asDeclared(t)}}
	case readsText:
		return &jsonschema.Schema{Type: "string"}
	default:
		return nil
	}
}

func enumOf[T any](values []T) []any {
	var all []any
	for _, value := range values {
		all = append(all, value)
	}
	return all
}

type yamlUnmarshaler interface{ UnmarshalYAML(func(any) error) error }

func readsAs[I any](t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

// asDeclared is the schema of the type's fields, however else it can be written.
func asDeclared(t reflect.Type) *jsonschema.Schema {
	return nestedSchema(newReflector(func(inner reflect.Type) *jsonschema.Schema {
		if inner == t {
			return nil
		}
		return writtenAs(inner)
	}), t)
}

func newReflector(mapper func(reflect.Type) *jsonschema.Schema) *jsonschema.Reflector {
	return &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		Anonymous:                  true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
		Mapper:                     mapper,
	}
}

// secretSchema is {file: PATH} or {env: NAME}: exactly one of the two.
func secretSchema() *jsonschema.Schema {
	schema := asDeclared(reflect.TypeFor[watch.SecretRef]())
	one := uint64(1)
	schema.MinProperties, schema.MaxProperties = &one, &one
	return schema
}
