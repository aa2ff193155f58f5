package exec_test

import (
	"testing"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/alerts/exec"
	"lapsewatch/watch"
)

func TestWrongOptionsAreRefusedWithTheirPlace(t *testing.T) {
	variable := func(name string) []exec.Variable {
		return []exec.Variable{{Name: name, Value: watch.SecretRef{Env: "TOKEN"}}}
	}
	tests := []struct {
		name string
		edit func(*exec.Options)
		want string
	}{
		{"no command", func(o *exec.Options) { o.Command = nil }, "command: want 1 to 100 words: the absolute path of a program, and its arguments"},
		{"a name to be searched for", func(o *exec.Options) { o.Command = []string{"notify-send"} }, "command[0]: want the absolute path of a program; `command -v NAME` prints it"},
		{"an argument with NUL", func(o *exec.Options) { o.Command = append(o.Command, "a\x00b") }, "command[1]: no program can be given a NUL character"},
		{"a variable without name", func(o *exec.Options) { o.Environment = variable("") }, "environment[0].name: want a name of letters, digits and _, which does not begin with a digit"},
		{"a variable with =", func(o *exec.Options) { o.Environment = variable("A=B") }, "environment[0].name: want a name of letters, digits and _, which does not begin with a digit"},
		{"a variable twice", func(o *exec.Options) { o.Environment = append(variable("A"), variable("A")...) }, "environment[1].name: A is listed twice"},
		{"the channel's own variable", func(o *exec.Options) { o.Environment = variable("LAPSEWATCH_DELIVERY_ID") }, "environment[0].name: the channel sets this variable itself"},
		{"a variable without value", func(o *exec.Options) { o.Environment = []exec.Variable{{Name: "A"}} }, "environment[0].value: a secret is given by reference: want exactly one of {file: PATH} or {env: NAME}"},
		{"too many variables", func(o *exec.Options) {
			for i := range 51 {
				o.Environment = append(o.Environment, variable("V"+string(rune('A'+i/26))+string(rune('A'+i%26)))...)
			}
		}, "environment: want at most 50"},
		{"no source", func(o *exec.Options) { o.Source = "" }, "source: want a URI reference, such as /lapsewatch"},
		{"a timeout beyond the limit", func(o *exec.Options) { o.Timeout = watch.Duration(time.Hour) }, "timeout: want more than 0 and at most 5m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := exec.Kind.Build(options(func(o *exec.Options) {
				o.Command = []string{"/usr/local/bin/notify"}
				test.edit(o)
			}), alerts.Env{})
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v\nwant  %s", err, test.want)
			}
		})
	}
}
