package main

import (
	"lapsewatch/alerts"
	"lapsewatch/alerts/alertmanager"
	"lapsewatch/alerts/discord"
	"lapsewatch/alerts/email"
	"lapsewatch/alerts/exec"
	"lapsewatch/alerts/github"
	"lapsewatch/alerts/googlechat"
	"lapsewatch/alerts/jira"
	"lapsewatch/alerts/ntfy"
	"lapsewatch/alerts/opsgenie"
	"lapsewatch/alerts/pagerduty"
	"lapsewatch/alerts/servicenow"
	"lapsewatch/alerts/slack"
	"lapsewatch/alerts/syslog"
	"lapsewatch/alerts/teams"
	"lapsewatch/alerts/webhook"
	"lapsewatch/checks"
	"lapsewatch/checks/azuredevops"
	"lapsewatch/checks/certfiles"
	"lapsewatch/checks/clock"
	"lapsewatch/checks/domain"
	"lapsewatch/checks/endpoint"
	"lapsewatch/checks/entra"
	checkgithub "lapsewatch/checks/github"
	"lapsewatch/checks/gitlab"
	"lapsewatch/checks/jwt"
	"lapsewatch/checks/mailflow"
	"lapsewatch/checks/npm"
	"lapsewatch/checks/oauth"
	"lapsewatch/checks/oidc"
	"lapsewatch/checks/records"
	"lapsewatch/checks/register"
	"lapsewatch/checks/saml"
	"lapsewatch/checks/schema"
	checkslack "lapsewatch/checks/slack"
	"lapsewatch/checks/tls"
	"lapsewatch/checks/upstream"
	"lapsewatch/config"
	"lapsewatch/incidents"
	"lapsewatch/incidents/betterstack"
	"lapsewatch/incidents/cachet"
	"lapsewatch/incidents/cstate"
	statusgithub "lapsewatch/incidents/github"
	"lapsewatch/incidents/incidentio"
	"lapsewatch/incidents/instatus"
	statusopsgenie "lapsewatch/incidents/opsgenie"
	"lapsewatch/incidents/statuspage"
)

// catalog is THE list of kinds: one line a kind. Targets of `scan` are offered to the
// check kinds in this order.
func catalog() config.Catalog {
	return config.Catalog{
		Checks: []checks.Kind{
			jwt.Kind,
			oidc.Kind,
			saml.Kind,
			domain.Kind,
			certfiles.Kind,
			tls.Kind,
			entra.Kind,
			oauth.Kind,
			checkgithub.Kind,
			gitlab.Kind,
			azuredevops.Kind,
			npm.Kind,
			checkslack.Kind,
			register.Kind,
			clock.Kind,
			records.Kind,
			schema.Kind,
			endpoint.Kind,
			mailflow.Kind,
			upstream.Kind,
		},
		Alerts: []alerts.Kind{
			email.Kind,
			webhook.Kind,
			slack.Kind,
			teams.Kind,
			discord.Kind,
			googlechat.Kind,
			ntfy.Kind,
			pagerduty.Kind,
			opsgenie.Kind,
			alertmanager.Kind,
			github.Kind,
			jira.Kind,
			servicenow.Kind,
			syslog.Kind,
			exec.Kind,
		},
		Incidents: []incidents.Kind{
			statuspage.Kind,
			cachet.Kind,
			instatus.Kind,
			betterstack.Kind,
			incidentio.Kind,
			statusopsgenie.Kind,
			statusgithub.Kind,
			cstate.Kind,
		},
	}
}
