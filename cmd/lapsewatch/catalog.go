package main

import (
	"lapsewatch/alerts"
	"lapsewatch/alerts/email"
	"lapsewatch/alerts/webhook"
	"lapsewatch/checks"
	"lapsewatch/checks/certfiles"
	"lapsewatch/checks/entra"
	"lapsewatch/checks/tls"
	"lapsewatch/config"
)

// catalog is THE list of kinds: one line a kind. Targets of `scan` are offered to the
// check kinds in this order.
func catalog() config.Catalog {
	return config.Catalog{
		Checks: []checks.Kind{
			certfiles.Kind,
			tls.Kind,
			entra.Kind,
		},
		Alerts: []alerts.Kind{
			email.Kind,
			webhook.Kind,
		},
	}
}
