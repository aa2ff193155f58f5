package incidentio

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"lapsewatch/incidents"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/stubtext"
	"lapsewatch/internal/ticket"
)

// Annotate has no place: the API only lists updates of incidents
// (https://github.com/incident-io/incidentio-mcp-golang/issues/35).
func (o *organisation) Annotate(context.Context, incidents.Remote, incidents.Note) error {
	return o.failure(incidents.ErrNoNotes)
}

// postmortem is https://docs.incident.io/api-reference/postmortemdocuments-v1
type postmortem struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Editors []struct {
		ID string `json:"id"`
	} `json:"editors"`
}

func (p *postmortem) id() string { return p.ID }

const draftTitle = "Draft by Lapsewatch, "

// Draft imports a post-mortem document. The API neither changes nor deletes one, so a newer
// draft stands beside the older; what a person wrote or edited is left alone. The mark in
// the title tells one whose answer was lost.
func (o *organisation) Draft(ctx context.Context, current incidents.Remote, draft incidents.Note) error {
	mark, theirs := " ("+clean.Text(draft.Mark, maxName)+")", false
	query := url.Values{"incident_id": {current.ID}}
	err := pages(ctx, o.client, "/v1/postmortem_documents", "postmortem_documents", query, func(one postmortem) {
		theirs = theirs || strings.HasSuffix(one.Title, mark) || len(one.Editors) > 0 || !strings.HasPrefix(one.Title, draftTitle)
	})
	if err != nil || theirs {
		return err
	}
	send := struct {
		Title   string `json:"title"`
		Content string `json:"content"`
	}{draftTitle + draft.At.UTC().Format("2006-01-02 15:04") + " UTC" + mark, stubtext.Cut(stubtext.Tidy(draft.Text), maxDraft)}
	var made postmortem
	return o.ask(ctx, ticket.Call{Method: http.MethodPost, Path: path(current.ID) + "/actions/import_postmortem_document", Send: send}, "postmortem_document", &made)
}
