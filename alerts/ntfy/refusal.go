package ntfy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lapsewatch/alerts"
)

// refusal is what a server says with an error.
type refusal struct {
	status int
	// Code is more exact than the status: 42908 is a 429.
	// https://github.com/binwiederhier/ntfy/blob/main/server/errors.go
	Code int `json:"code"`
}

// Codes of 429 that do not pass within minutes: quotas of a day, and log-ins that failed
// too often.
const (
	trafficOfTheDay  = 42905
	messagesOfTheDay = 42908
	failedLogins     = 42909
)

// longWait is for those, of which nobody knows when they pass.
const longWait = time.Hour

// judge waits longer where that is needed, unless the server says how long.
func (r *refusal) judge(status int, header http.Header, body []byte) (retry bool, after time.Duration, judged bool) {
	// What is no JSON has no code.
	_ = json.Unmarshal(body, r)
	r.status = status
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "" {
		return false, 0, false
	}
	switch r.Code {
	case trafficOfTheDay, messagesOfTheDay, failedLogins:
		return true, longWait, true
	default:
		return false, 0, false
	}
}

var (
	errLogin = errors.New("make a new token (ntfy token add USER, or the account's page in the web app) and put it where token refers to, or correct username and password")
	errGrant = errors.New("allow the account to write to the topic (ntfy access USER TOPIC write-only), or give a token or an account that may")
	errRoot  = errors.New("give the root of an ntfy server as url, such as " + publicServer)
	errQuota = errors.New("the day's quota of this account or address is used up: raise it on the server, or give a token of an account with a higher one")
)

// remedy is what to do about the refusal, nil where its own words must do.
func (r *refusal) remedy() error {
	switch {
	case r.status == http.StatusUnauthorized, r.Code == failedLogins:
		return errLogin
	case r.status == http.StatusForbidden:
		return errGrant
	case r.status == http.StatusNotFound:
		return errRoot
	case r.Code == trafficOfTheDay, r.Code == messagesOfTheDay:
		return errQuota
	default:
		return nil
	}
}

func withRemedy(err error, said refusal) error {
	remedy := said.remedy()
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok && remedy != nil {
		failure.Err = fmt.Errorf("%w; %w", failure.Err, remedy)
	}
	return err
}
