package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// objects reads the manifest strictly, by kind.
func objects(t *testing.T) map[string]manifest {
	t.Helper()
	var all []manifest
	if err := yaml.Load([]byte(read(t, "cronjob.yaml")), &all, yaml.WithAllDocuments(), yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	byKind := map[string]manifest{}
	for _, object := range all {
		if _, twice := byKind[object.Kind]; twice || object.Metadata.Name != "lapsewatch" {
			t.Errorf("unexpected %s named %q", object.Kind, object.Metadata.Name)
		}
		byKind[object.Kind] = object
	}
	return byKind
}

func pod(t *testing.T) (podSpec, container) {
	t.Helper()
	spec := objects(t)["CronJob"].Spec.JobTemplate.Spec.Template.Spec
	if len(spec.Containers) != 1 {
		t.Fatalf("the pod has %d containers, want 1", len(spec.Containers))
	}
	return spec, spec.Containers[0]
}

func TestTheManifestHoldsTheThreeObjectsOfAJob(t *testing.T) {
	for kind, version := range map[string]string{"ConfigMap": "v1", "PersistentVolumeClaim": "v1", "CronJob": "batch/v1"} {
		if got := objects(t)[kind].APIVersion; got != version {
			t.Errorf("%s has apiVersion %q, want %s", kind, got, version)
		}
	}
}

func TestTheJobIsNeitherLostNorDoubled(t *testing.T) {
	spec := objects(t)["CronJob"].Spec
	job := spec.JobTemplate.Spec
	const halfADay = 43_200
	if spec.ConcurrencyPolicy != "Forbid" || spec.TimeZone != "Etc/UTC" || spec.StartingDeadlineSeconds < halfADay {
		t.Errorf("policy %q, zone %q, starting deadline %d s", spec.ConcurrencyPolicy, spec.TimeZone, spec.StartingDeadlineSeconds)
	}
	if job.BackoffLimit != 2 || job.ActiveDeadlineSeconds == 0 || job.Template.Spec.RestartPolicy != "Never" {
		t.Errorf("backoffLimit %d, activeDeadlineSeconds %d, restartPolicy %q", job.BackoffLimit, job.ActiveDeadlineSeconds, job.Template.Spec.RestartPolicy)
	}
	rules := job.PodFailurePolicy.Rules
	if len(rules) != 2 || rules[0].Action != "FailJob" || !slices.Equal(rules[0].OnExitCodes.Values, []int{2}) ||
		rules[0].OnExitCodes.ContainerName != job.Template.Spec.Containers[0].Name {
		t.Errorf("a wrong configuration is tried again: %+v", rules)
	}
	if len(rules) != 2 || rules[1].Action != "Ignore" || len(rules[1].OnPodConditions) != 1 || rules[1].OnPodConditions[0].Type != "DisruptionTarget" {
		t.Errorf("a drained node uses up a retry: %+v", rules)
	}
}

func TestThePodMayDoNothingThatItNeedNot(t *testing.T) {
	spec, job := pod(t)
	for what, ok := range map[string]bool{
		"runs as a user that is not root": spec.SecurityContext.RunAsNonRoot && spec.SecurityContext.RunAsUser != 0,
		"seccomp is the runtime's":        spec.SecurityContext.SeccompProfile.Type == "RuntimeDefault",
		"has no service account token":    spec.AutomountServiceAccountToken != nil && !*spec.AutomountServiceAccountToken,
		"sees no neighbouring services":   spec.EnableServiceLinks != nil && !*spec.EnableServiceLinks,
		"cannot gain privileges":          job.SecurityContext.AllowPrivilegeEscalation != nil && !*job.SecurityContext.AllowPrivilegeEscalation,
		"cannot write to its root":        job.SecurityContext.ReadOnlyRootFilesystem,
		"drops every capability":          slices.Equal(job.SecurityContext.Capabilities.Drop, []string{"ALL"}),
		"has a memory limit":              job.Resources.Limits["memory"] != "",
	} {
		if !ok {
			t.Errorf("not so: the pod %s", what)
		}
	}
}

func TestEveryMountHasItsVolumeAndEveryVolumeItsSource(t *testing.T) {
	spec, job := pod(t)
	sources := map[string]string{}
	for _, volume := range spec.Volumes {
		switch {
		case volume.ConfigMap != nil:
			sources[volume.Name] = "ConfigMap " + volume.ConfigMap.Name
		case volume.Secret != nil:
			sources[volume.Name] = "Secret " + volume.Secret.SecretName
			if volume.Secret.DefaultMode != 0o440 {
				t.Errorf("the secrets have mode %o, want 440", volume.Secret.DefaultMode)
			}
		case volume.PersistentVolumeClaim != nil:
			sources[volume.Name] = "PersistentVolumeClaim " + volume.PersistentVolumeClaim.ClaimName
		case volume.EmptyDir != nil:
			sources[volume.Name] = "emptyDir"
		}
	}
	mounts := map[string]string{}
	for _, mount := range job.VolumeMounts {
		mounts[mount.MountPath] = sources[mount.Name]
	}
	for path, source := range map[string]string{
		"/etc/lapsewatch":         "ConfigMap lapsewatch",
		"/run/secrets/lapsewatch": "Secret lapsewatch",
		"/var/lib/lapsewatch":     "PersistentVolumeClaim lapsewatch",
		"/tmp":                    "emptyDir",
	} {
		if mounts[path] != source {
			t.Errorf("%s is mounted from %q, want %s", path, mounts[path], source)
		}
	}
}

var instruction = regexp.MustCompile(`(?m)^([A-Z]+) (.+)$`)

// last is the last value of a Dockerfile's instruction, which is the one that counts.
func last(t *testing.T, name string) string {
	t.Helper()
	value := ""
	for _, found := range instruction.FindAllStringSubmatch(read(t, "Dockerfile"), -1) {
		if found[1] == name {
			value = found[2]
		}
	}
	if value == "" {
		t.Fatalf("the Dockerfile has no %s", name)
	}
	return value
}

func TestTheImageFitsTheManifest(t *testing.T) {
	spec, job := pod(t)
	if user := last(t, "USER"); user != "65532:65532" || spec.SecurityContext.RunAsUser != 65532 || spec.SecurityContext.RunAsGroup != 65532 {
		t.Errorf("the image's user is %s, the pod's %d:%d", user, spec.SecurityContext.RunAsUser, spec.SecurityContext.RunAsGroup)
	}
	var entrypoint, command []string
	if err := json.Unmarshal([]byte(last(t, "ENTRYPOINT")), &entrypoint); err != nil {
		t.Errorf("ENTRYPOINT is no exec form, so signals would not arrive: %v", err)
	}
	if err := json.Unmarshal([]byte(last(t, "CMD")), &command); err != nil {
		t.Errorf("CMD is no exec form: %v", err)
	}
	copied := strings.Fields(last(t, "COPY"))
	if len(entrypoint) != 1 || copied[len(copied)-1] != entrypoint[0] {
		t.Errorf("the image starts %v, but the binary is at %s", entrypoint, copied[len(copied)-1])
	}
	if !slices.Equal(command, job.Args[:len(command)]) {
		t.Errorf("the image runs %v, the pod %v", command, job.Args)
	}
}

// theCommand builds lapsewatch as it is, to ask it what it accepts.
func theCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "lapsewatch")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "lapsewatch/cmd/lapsewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build lapsewatch: %v\n%s", err, output)
	}
	return binary
}

var secretFile = regexp.MustCompile(`/run/secrets/lapsewatch/([a-z-]+)`)

func TestTheConfigurationOfTheManifestIsAccepted(t *testing.T) {
	settings := objects(t)["ConfigMap"].Data["lapsewatch.yaml"]
	mounted := t.TempDir()
	for _, found := range secretFile.FindAllStringSubmatch(settings, -1) {
		if !strings.Contains(read(t, "cronjob.yaml"), "--from-file="+found[1]) {
			t.Errorf("the configuration reads the secret %s, which the instructions do not make", found[1])
		}
		if err := os.WriteFile(filepath.Join(mounted, found[1]), []byte("whsec_"+strings.Repeat("QUJD", 11)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings = strings.ReplaceAll(settings, "/run/secrets/lapsewatch", mounted)
	settings = strings.ReplaceAll(settings, "/var/lib/lapsewatch", t.TempDir())
	file := filepath.Join(t.TempDir(), "lapsewatch.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), theCommand(t), "config", "check", "--config", file).CombinedOutput()
	if err != nil {
		t.Errorf("config check: %v\n%s", err, output)
	}
}

func TestTheArgumentsOfThePodAreOnesThatTheCommandKnows(t *testing.T) {
	_, job := pod(t)
	output, err := exec.CommandContext(t.Context(), theCommand(t), append(slices.Clone(job.Args), "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("run --help: %v\n%s", err, output)
	}
	for _, argument := range job.Args {
		if strings.HasPrefix(argument, "--") && !strings.Contains(string(output), argument) {
			t.Errorf("run knows no %s", argument)
		}
	}
}
