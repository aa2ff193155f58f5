package report_test

import (
	"strings"
	"testing"

	"lapsewatch/report"
	"lapsewatch/watch"
)

// blindPass is of a check that could not read its source, and of another that missed
// a part of its own.
func blindPass() watch.Pass {
	pass := passOf(
		watch.Finding{
			ID: "tenant/source", Check: "tenant", Kind: "entra", Name: "check tenant", Severity: watch.Unknown, Reason: watch.AuthSecretWrong,
			Message: "could not be read: sign in: AADSTS7000215", Remedy: "Put the secret itself there, not its ID.",
		},
		watch.Finding{ID: "files/source", Check: "files", Kind: "certfiles", Name: "/etc/source", Severity: watch.Unknown, Reason: watch.PermissionDenied, Message: "permission denied"},
	)
	pass.Checks = []watch.CheckResult{
		{Name: "tenant", Kind: "entra", Subjects: 1, Problems: 1, Error: "sign in: AADSTS7000215"},
		{Name: "files", Kind: "certfiles", Subjects: 1, Problems: 1},
	}
	return pass
}

func TestTheTableNamesASourceThatCouldNotBeReadOnce(t *testing.T) {
	const want = "Could not be read:\n" +
		"  check tenant could not read its source: sign in: AADSTS7000215\n" +
		"  check files did not see every subject (1 problem): what is missing here may still exist\n" +
		"  /etc/source (check files): permission_denied\n\n"
	if got := write(t, "table", blindPass(), report.Style{}); !strings.Contains(got, want) {
		t.Errorf("got\n%s", got)
	}
}

func TestTheHTMLNamesASourceThatCouldNotBeReadOnceWithItsNextStep(t *testing.T) {
	got := write(t, "html", blindPass(), report.Style{})
	_, unread, _ := strings.Cut(got, `<ul class="unread">`)
	unread, _, _ = strings.Cut(unread, "</ul>")
	if strings.Contains(unread, "could not read its source") || !strings.Contains(unread, "Put the secret itself there, not its ID.") {
		t.Errorf("the failed source: %s", unread)
	}
	if !strings.Contains(unread, "The check did not see every subject (1 problem)") || strings.Count(unread, "<li>") != 3 {
		t.Errorf("the rest: %s", unread)
	}
	lost := blindPass()
	lost.Findings = passOf().Findings
	if got := write(t, "html", lost, report.Style{}); !strings.Contains(got, "The check could not read its source: sign in: AADSTS7000215.") {
		t.Error("without a finding the gap is hidden")
	}
}

func TestTheHTMLDrawsNoChartOfNothing(t *testing.T) {
	got := write(t, "html", blindPass(), report.Style{})
	if !strings.Contains(got, `<p class="quiet">Nothing with a date.</p>`) || strings.Contains(got, `<svg class="timeline"`) {
		t.Errorf("got %s", got)
	}
}
