package certfiles

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/watch"
)

func decoder(text string) watch.Decoder {
	return func(into any) error { return yaml.Load([]byte(text), into, yaml.WithKnownFields()) }
}

func TestTheContractOfAllChecks(t *testing.T) {
	folder := estate(t, "one.pem", "two.crt", "sub/three.pem")
	write(t, folder+"/broken.pem", "nothing")
	write(t, folder+"/empty.der", "")
	checktest.Run(t, checktest.Case{
		Kind: Kind, Decode: decoder("paths: [" + folder + "]"), Env: testEnv(), Readable: 3, Unreadable: 2,
	})
}

func TestF18_AnEmptyListOfPathsIsRefused(t *testing.T) {
	for _, text := range []string{"{}", "paths: []", "exclude: ['*.old']"} {
		if _, err := Kind.Build(decoder(text), testEnv()); err == nil || err.Error() != "paths: name at least one file, folder or glob" {
			t.Errorf("%s gave %v", text, err)
		}
	}
}

func TestWrongOptionsAreRefusedByName(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an empty path", "paths: [/etc, '']", "paths[1]: is empty"},
		{"a broken glob", "paths: ['/etc/[a']", "paths[0]: is not a well-formed glob"},
		{"a broken exclusion", "paths: [/etc]\nexclude: ['{a']", "exclude[0]: is not a well-formed glob"},
		{"no size", "paths: [/etc]\nmax_file_size: 0", "max_file_size: want a number above zero"},
		{"no files", "paths: [/etc]\nmax_files: -1", "max_files: want a number above zero"},
		{"negative concurrency", "paths: [/etc]\nconcurrency: -1", "concurrency: want a number that is not negative"},
		{"a passphrase for nothing", "paths: [/etc]\npassphrases: [{path: '', passphrase: {env: X}}]", "passphrases[0].path: is empty"},
		{"no reference to a passphrase", "paths: [/etc]\npassphrases: [{path: '*.p12'}]", "passphrases[0].passphrase: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Kind.Build(decoder(test.text), testEnv())
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if field, ok := errors.AsType[*watch.FieldError](err); !ok || !strings.HasPrefix(test.want, field.Path+": ") {
				t.Errorf("%v names no field", err)
			}
		})
	}
}

func TestEveryOptionIsDescribed(t *testing.T) {
	for _, options := range []reflect.Type{Kind.Options(), reflect.TypeFor[Passphrase]()} {
		for field := range options.Fields() {
			if field.IsExported() && (field.Tag.Get("yaml") == "" || field.Tag.Get("jsonschema_description") == "") {
				t.Errorf("the option %s has no key or no description", field.Name)
			}
		}
	}
}

func TestTargets(t *testing.T) {
	t.Chdir(estate(t, "here.pem", "folder/x.pem"))
	for target, want := range map[string]bool{
		"here.pem": true, "folder": true, "/no/such/path": true, "./x": true, "../x": true, "~": true, "~/x.pem": true, "a/b": true, "certs/*.pem": true,
		"example.com": false, "example.com:443": false, "https://example.com/x": false, "smtp://mail": false, "": false, "jwt:token": false,
	} {
		if got := Kind.Takes(target); got != want {
			t.Errorf("takes %q: %t, want %t", target, got, want)
		}
	}
	check, err := Kind.BuildForTargets([]string{"here.pem", "folder", "gone/x.pem"}, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	got := collect(t, check)
	got.want(t, "here.pem#1", "folder/x.pem#1", "gone/x.pem#1")
	got.wantProblem(t, "gone/x.pem#1", watch.NotFound, true, "read certificate file gone/x.pem: no such file or directory")
}

func TestThisMachine(t *testing.T) {
	home := estate(t, ".kube/config", "listed/one.yaml", ".minikube/profiles/a/client.crt", ".acme.sh/x/x.cer")
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", home+"/listed/one.yaml"+string(filepath.ListSeparator)+home+"/listed/gone.yaml")
	check, err := Kind.BuildForThisMachine(testEnv())
	if err != nil {
		t.Fatal(err)
	}
	got := collect(t, check)
	for _, name := range []string{"/.kube/config#1", "/listed/one.yaml#1", "/.minikube/profiles/a/client.crt#1", "/.acme.sh/x/x.cer#1"} {
		got.credential(t, home+name)
	}
	for id, fact := range got {
		if strings.Contains(id, "/usr/share/ca-certificates") || strings.HasSuffix(id, "ca-certificates.crt#1") {
			t.Errorf("the system's trust store is listed: %s", id)
		}
		if problem, ok := fact.(watch.Problem); ok && problem.Reason == watch.NotFound && !strings.HasSuffix(problem.Subject.ID, ".pem#1") {
			t.Errorf("a usual place that does not exist is a problem: %v", problem.Err)
		}
	}
}

func TestThisMachineWithoutAHomeFolder(t *testing.T) {
	t.Setenv("HOME", "")
	if _, err := Kind.BuildForThisMachine(testEnv()); err != nil {
		t.Error(err)
	}
}

func TestUsualPlacesAreWellFormed(t *testing.T) {
	for _, path := range slices.Concat(unixPlaces, distributionTrust, windowsPlaces) {
		if err := checkGlob(path); err != nil {
			t.Errorf("%s %v", path, err)
		}
	}
	if slices.ContainsFunc(unixPlaces, func(path string) bool { return !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "~") }) {
		t.Error("a place is relative")
	}
}

func TestConcurrencyIsBoundedByTheEnvironment(t *testing.T) {
	env := checks.Env{Concurrency: 1}
	if got := defaults().concurrency(env); got != 1 {
		t.Errorf("it is %d, want 1", got)
	}
	options := defaults()
	options.Concurrency = 7
	if got := options.concurrency(env); got != 7 {
		t.Errorf("it is %d, want the configured 7", got)
	}
}

func TestAMissingHomeFolderIsAnErrorWhereItIsNeeded(t *testing.T) {
	t.Setenv("HOME", "")
	_, err := New(Options{Paths: []string{"~/certs"}}, testEnv())
	if err == nil || !strings.HasPrefix(err.Error(), "find the home folder for ~/certs: ") {
		t.Errorf("got %v", err)
	}
	if _, err := os.UserHomeDir(); err == nil {
		t.Error("there is a home folder after all")
	}
}
