package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"lapsewatch/watch"
)

// keysOf lists the YAML keys of a struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for field, key := range yamlFields(t) {
		if key == "" {
			keys = append(keys, keysOf(field.Type)...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

// yamlFields yields the fields of a struct with their YAML keys; an inlined one has none.
func yamlFields(t reflect.Type) func(yield func(reflect.StructField, string) bool) {
	return func(yield func(reflect.StructField, string) bool) {
		if t == nil || t.Kind() != reflect.Struct {
			return
		}
		for field := range t.Fields() {
			key, flags, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			inline := strings.Contains(flags, "inline")
			if key == "-" || !field.IsExported() && !inline {
				continue
			}
			if key == "" && !inline {
				key = strings.ToLower(field.Name)
			}
			if !yield(field, key) {
				return
			}
		}
	}
}

var pathStep = regexp.MustCompile(`\[\d+\]|[^.\[\]]+`)

// typeAt follows a key down from a type: from the options to "targets[2].host". It is nil
// where the key leads to nothing that the type has.
func typeAt(t reflect.Type, key string) reflect.Type {
	for _, step := range append(pathStep.FindAllString(key, -1), "") {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if step == "" {
			break
		}
		if t = typeBelow(t, step); t == nil {
			return nil
		}
	}
	return t
}

func typeBelow(t reflect.Type, step string) reflect.Type {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for field, key := range yamlFields(t) {
			if key == step {
				return field.Type
			}
			if key == "" {
				if inlined := typeBelow(field.Type, step); inlined != nil {
					return inlined
				}
			}
		}
	default:
	}
	return nil
}

// secretRefs calls visit for every secret that decoded options refer to, with its key
// below the options. watched: the field, or one that it lies in, has the tag watched:"true",
// so that the secret is what the check looks at and not what it signs in with.
func secretRefs(value reflect.Value, key string, watched bool, visit func(key string, ref watch.SecretRef, watched bool)) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			secretRefs(value.Elem(), key, watched, visit)
		}
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			secretRefs(value.Index(i), fmt.Sprintf("%s[%d]", key, i), watched, visit)
		}
	case reflect.Map:
		for name, item := range value.Seq2() {
			secretRefs(item, below(key, shownKey(name.String())), watched, visit)
		}
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[watch.SecretRef]() {
			if ref := value.Interface().(watch.SecretRef); !ref.IsZero() {
				visit(key, ref, watched)
			}
			return
		}
		for field, name := range yamlFields(value.Type()) {
			secretRefs(value.FieldByIndex(field.Index), below(key, name), watched || field.Tag.Get("watched") == "true", visit)
		}
	default:
	}
}
