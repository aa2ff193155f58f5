package mailflow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

// graphOut hands canaries to Microsoft Graph as JSON (learn.microsoft.com/graph/api/
// user-sendmail), which alone leaves no copy in Sent Items: in MIME format it always does.
type graphOut struct {
	pass    *pass
	options GraphOut
	from    string
}

type graphAddress struct {
	EmailAddress struct {
		Address string `json:"address"`
	} `json:"emailAddress"`
}

func addressed(address string) graphAddress {
	var made graphAddress
	made.EmailAddress.Address = bare(address)
	return made
}

type graphHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type graphBody struct {
	ContentType string `json:"contentType"`
	Content     string `json:"content"`
}

// graphMail is what sendMail takes. Of headers it takes those that begin with x- (learn.
// microsoft.com/graph/api/resources/message).
type graphMail struct {
	Message struct {
		Subject string         `json:"subject"`
		Body    graphBody      `json:"body"`
		From    graphAddress   `json:"from"`
		To      []graphAddress `json:"toRecipients"`
		Headers []graphHeader  `json:"internetMessageHeaders"`
	} `json:"message"`
	SaveToSentItems bool `json:"saveToSentItems"`
}

func (l letter) json() ([]byte, error) {
	var made graphMail
	made.Message.Subject = subject
	made.Message.Body = graphBody{"text", l.body}
	made.Message.From, made.Message.To = addressed(l.from), []graphAddress{addressed(l.to)}
	made.Message.Headers = []graphHeader{{headerName, l.id}, {"X-Auto-Response-Suppress", "All"}}
	return json.Marshal(made)
}

func (g *graphOut) submit(ctx context.Context, l letter) (string, error) {
	content, err := l.json()
	if err != nil {
		return "", &fault{reason: watch.InternalError, text: "write the canary: " + err.Error()}
	}
	client, err := g.open(ctx)
	if err != nil {
		return "", err
	}
	defer client.Close()
	mailbox := cmp.Or(g.options.Mailbox, g.from)
	request := client.Get("v1.0", "/users/"+mailbox+"/sendMail", nil)
	request.Method, request.Content = abstractions.POST, content
	request.Headers.Add("Content-Type", "application/json")
	if err := client.Adapter().SendNoContent(ctx, request, nil); err != nil {
		return "", g.unsent(ctx, mailbox, err)
	}
	return "202 accepted by Microsoft Graph, which does not say whether it was delivered", nil
}

// open signs in, so that a refusal of that is told from one of the mail.
func (g *graphOut) open(ctx context.Context) (*msgraph.Client, error) {
	client, err := g.pass.signIn(g.options.SignIn, "")
	if err != nil {
		return nil, err
	}
	if _, err := client.Token(ctx, watch.Secret{}); err != nil {
		client.Close()
		return nil, signInFault(err)
	}
	return client, nil
}

func (g *graphOut) try(ctx context.Context) error {
	client, err := g.open(ctx)
	if err == nil {
		client.Close()
	}
	return err
}

func (g *graphOut) unsent(ctx context.Context, mailbox string, err error) error {
	failure, ok := errors.AsType[*msgraph.Failure](err)
	if !ok || ctx.Err() != nil {
		return &fault{sort: unsure, reason: watch.TimedOut, text: "hand the canary over to Microsoft Graph: no answer in time; whether it was taken is not known", err: ctx.Err()}
	}
	told := *failure
	told.Doing = "send as " + mailbox + " by Microsoft Graph"
	made := &fault{reason: told.Reason, text: told.Error(), code: told.Status}
	switch {
	case told.Status == http.StatusTooManyRequests:
		made.sort = putOff
	case told.Status >= 400 && told.Status < 500 && told.Lasting:
		made.sort = refused
		if told.Status == http.StatusForbidden {
			made.remedy = mailSend
		}
	case told.Status == 0 && (told.Proxy || unreached(told.Reason)):
		made.sort = unasked
	default: // a gateway's answer, or none
		made.sort, made.text = unsure, made.text+"; whether it was taken is not known"
	}
	return made
}

// unreached reports whether a reason says that no request got there.
func unreached(reason watch.Reason) bool {
	switch reason {
	case watch.NameNotFound, watch.Refused, watch.UntrustedIssuer, watch.NameMismatch, watch.HandshakeFailed:
		return true
	default:
		return false
	}
}
