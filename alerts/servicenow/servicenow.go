// Package servicenow keeps one record for each finding in a table of a ServiceNow
// instance, by its Table API
// (https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html). Records
// are found by correlation_id. It writes nothing but state, resolution and work notes
// once a record is made, and it does not renew OAuth tokens.
package servicenow

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/internal/clean"
	"lapsewatch/internal/digest"
	"lapsewatch/internal/httpsend"
	"lapsewatch/internal/ticket"
	"lapsewatch/watch"
)

// Kind is the ServiceNow channel.
var Kind = alerts.Define("servicenow", defaults, New)

const (
	// The lengths of a task's fields as they are delivered. What is longer is cut or
	// kept, by how the column is stored, and never refused:
	// https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB0685779
	maxShort, maxText = 160, 4000
	pageSize          = 50
	// maxPages bounds the records of one finding.
	maxPages = 100
)

type channel struct {
	options Options
	env     alerts.Env
	api     ticket.API
	life    ticket.Life
	path    string
}

// New makes a ServiceNow channel from valid options.
func New(options Options, env alerts.Env) (alerts.Channel, error) {
	c := &channel{options: options, env: env, path: "/api/now/table/" + options.Table}
	c.api = ticket.API{
		Env: env, Sender: httpsend.New(env, options.Endpoint), Authorize: c.authorize,
		Header: http.Header{"Accept": {"application/json"}}, Words: words, Remedies: remedies,
	}
	c.life = ticket.Life{Env: env, Service: c, Place: "servicenow " + options.Table, Source: options.Source, ReopenWithin: time.Duration(options.ReopenWithin)}
	return c, nil
}

// Recipients is the single table.
func (c *channel) Recipients() []string { return []string{""} }

// Manner asks for one event in each message: there is a record for each finding.
func (c *channel) Manner() alerts.Manner { return alerts.Manner{Singly: true} }

// Deliver brings the finding's record up to date. The proof is the instance's answer.
func (c *channel) Deliver(ctx context.Context, message alerts.Message) (alerts.Receipt, error) {
	return c.life.Deliver(ctx, message)
}

func (c *channel) authorize(header http.Header) ([]watch.Secret, error) {
	if !c.options.Token.IsZero() {
		token, err := c.env.Secrets(c.options.Token)
		if err != nil {
			return nil, fmt.Errorf("read the token: %w", err)
		}
		header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
		return []watch.Secret{token}, nil
	}
	password, err := c.env.Secrets(c.options.Password)
	if err != nil {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(c.options.Username + ":" + password.Reveal()))
	header.Set("Authorization", "Basic "+basic)
	return []watch.Secret{password, watch.NewSecret(basic)}, nil
}

// fields are the parameters of requests that give records.
func fields(names string) url.Values {
	return url.Values{"sysparm_fields": {names}, "sysparm_display_value": {"false"}, "sysparm_exclude_reference_link": {"true"}}
}

// ask makes a request whose answer is one record. One without sys_id is no record,
// whatever its status.
func (c *channel) ask(ctx context.Context, call ticket.Call) (record, string, error) {
	var answer one
	call.Receive = &answer
	_, proof, err := c.api.Do(ctx, call)
	if err == nil && answer.Result.SysID == "" {
		err = c.api.Unproven(call.Method, call.Path, errors.New("without the sys_id of a record"))
	}
	return answer.Result, proof, err
}

func (c *channel) recordPath(id string) string { return c.path + "/" + url.PathEscape(id) }

// Read asks for one record.
func (c *channel) Read(ctx context.Context, id, key string) (ticket.Ticket, bool, error) {
	read, _, err := c.ask(ctx, ticket.Call{Method: http.MethodGet, Path: c.recordPath(id), Query: fields(recordFields)})
	if ticket.Missing(err) {
		return ticket.Ticket{}, false, nil
	}
	if err != nil {
		return ticket.Ticket{}, false, err
	}
	return read.ticket(key, c.options), true, nil
}

// Find asks for the records with the key, the oldest first. A page may be shorter than
// asked for or empty, because what the account may not read is taken out of it; the
// total says where the list ends.
func (c *channel) Find(ctx context.Context, key, _ string) (match ticket.Ticket, found bool, err error) {
	query := fields(recordFields)
	query.Set("sysparm_query", "correlation_id="+key+"^ORDERBYsys_created_on")
	query.Set("sysparm_limit", strconv.Itoa(pageSize))
	for page := range maxPages {
		query.Set("sysparm_offset", strconv.Itoa(page*pageSize))
		var answer many
		header, _, err := c.api.Do(ctx, ticket.Call{Path: c.path, Query: query, Receive: &answer})
		if err != nil {
			return ticket.Ticket{}, false, err
		}
		for _, listed := range answer.Result {
			candidate := listed.ticket(key, c.options)
			switch {
			case !candidate.Ours:
				return ticket.Ticket{}, false, c.ignored(listed)
			case candidate.Open:
				return candidate, true, nil
			case !found || candidate.ClosedAt.After(match.ClosedAt):
				match, found = candidate, true
			}
		}
		total, err := strconv.Atoi(header.Get("X-Total-Count"))
		if (page+1)*pageSize >= total && err == nil || len(answer.Result) == 0 && err != nil {
			return match, found, nil
		}
	}
	return ticket.Ticket{}, false, c.failure(fmt.Errorf("look for %s: there are more than %d pages", key, maxPages))
}

// ignored: by default an instance leaves out of a query what it does not understand, and
// then gives every record of the table.
func (c *channel) ignored(listed record) error {
	return c.failure(fmt.Errorf("look in table %s: it gives %q for a correlation_id that this record does not show: the table needs that field, and the account the right to read it",
		c.options.Table, clean.Text(listed.Number, maxShort)))
}

// Told looks for the message's mark in the work notes, which are there only where
// display values are asked for. An account that may not read them sees none: then what is
// remembered has to do.
func (c *channel) Told(ctx context.Context, current ticket.Ticket, story ticket.Story) (bool, error) {
	query := fields("sys_id,work_notes")
	query.Set("sysparm_display_value", "true")
	read, _, err := c.ask(ctx, ticket.Call{Method: http.MethodGet, Path: c.recordPath(current.ID), Query: query})
	return slices.Contains(ticket.MarksIn(read.WorkNotes), story.Mark), err
}

func text(story ticket.Story) string {
	return story.Text(maxText, func(paragraphs []ticket.Paragraph) string {
		return plain(append(paragraphs, story.MarkLine()))
	})
}

// Create makes the record with the key as correlation_id. An instance leaves out what the
// account may not write, and without its key the record would be made again and again.
func (c *channel) Create(ctx context.Context, story ticket.Story) (ticket.Ticket, string, error) {
	fresh := map[string]string{}
	for name, value := range c.options.Fields {
		fresh[name] = value
	}
	for name, value := range map[string]string{
		"short_description": story.Title(maxShort, withoutCode), "description": text(story),
		"correlation_id": story.Key, "correlation_display": digest.Product,
		"impact": c.options.Impact.Of(story.Severity), "urgency": c.options.Urgency.Of(story.Severity),
		"assignment_group": c.options.AssignmentGroup, "caller_id": c.options.Caller,
	} {
		if value != "" {
			fresh[name] = value
		}
	}
	made, proof, err := c.ask(ctx, ticket.Call{Method: http.MethodPost, Path: c.path, Query: fields(recordFields), Send: fresh})
	if err != nil {
		return ticket.Ticket{}, "", err
	}
	ticket := made.ticket(story.Key, c.options)
	if !ticket.Ours {
		err = c.failure(fmt.Errorf("make a record in table %s: %s was made without its correlation_id %s: give the account the right to write and read that field", c.options.Table, ticket.Name, story.Key))
	}
	return ticket, proof, err
}

// Comment adds a work note with the message's mark.
func (c *channel) Comment(ctx context.Context, current ticket.Ticket, story ticket.Story) (string, error) {
	_, proof, err := c.patch(ctx, current, map[string]string{"work_notes": text(story)})
	return proof, err
}

// Close resolves the record.
func (c *channel) Close(ctx context.Context, current ticket.Ticket, story ticket.Story) (string, error) {
	notes := c.options.CloseNotes
	if notes == "" {
		notes = withoutCode(clean.Text(story.CloseNotes(), maxText))
	}
	return c.setState(ctx, current, map[string]string{"state": c.options.ResolvedState, "close_code": c.options.CloseCode, "close_notes": notes})
}

// Reopen takes a resolved record back into work. Those closed for good are told by Read.
func (c *channel) Reopen(ctx context.Context, current ticket.Ticket) error {
	_, err := c.setState(ctx, current, map[string]string{"state": c.options.ReopenedState})
	return err
}

// setState also looks whether the record took the state: a rule of the table may put
// another in its place, or leave the old one.
func (c *channel) setState(ctx context.Context, current ticket.Ticket, change map[string]string) (string, error) {
	changed, proof, err := c.patch(ctx, current, change)
	if err == nil && changed.State != change["state"] {
		err = c.failure(fmt.Errorf("set state %s in table %s: the record has state %q after it: a rule of the table does not allow it", change["state"], c.options.Table, clean.Text(changed.State, maxShort)))
	}
	return proof, err
}

func (c *channel) patch(ctx context.Context, current ticket.Ticket, change map[string]string) (record, string, error) {
	return c.ask(ctx, ticket.Call{Method: http.MethodPatch, Path: c.recordPath(current.ID), Query: fields(recordFields), Send: change})
}

func (c *channel) failure(err error) error {
	return &alerts.DeliveryError{Channel: c.env.Name, Err: err}
}
