package msgraph

import (
	"time"

	"lapsewatch/internal/holdoff"
	"lapsewatch/watch"
)

// heldFailure is the failure of an attempt that is not made.
func heldFailure(doing string, h *holdoff.Hold) *Failure {
	return &Failure{
		Doing: doing, Reason: h.Reason, Text: h.Text, Status: h.Status, Code: h.Code, CorrelationID: h.CorrelationID,
		RetryAt: h.RetryAt, Held: true, Attempts: h.Count, Lasting: h.Lasting, Proxy: h.Proxy,
	}
}

// refusal is what is remembered of a failure.
func (f *Failure) refusal() holdoff.Refusal {
	return holdoff.Refusal{
		Reason: f.Reason, Code: f.Code, Text: f.Text, Status: f.Status, CorrelationID: f.CorrelationID, Lasting: f.Lasting, Proxy: f.Proxy,
	}
}

// unasked: Entra itself refused nothing.
func unasked(h *holdoff.Hold) bool { return h.Reason == watch.AuthUnavailable || h.Proxy && h.Lasting }

// wait is how long a hold lasts. Where nothing could be asked, nobody has to be left alone
// for long; and whoever has just run az login, which changes nothing that is known here, is
// not kept waiting. But what somebody has to mend does not heal in seconds either.
func (g *gate) wait(h *holdoff.Hold) time.Duration {
	if h.Lasting && (unasked(h) || g.options.method() == AzureCLI) {
		return max(holdoff.Wait(false, h.Count), time.Minute)
	}
	return holdoff.Wait(h.Lasting, h.Count)
}
