package sqlread

import (
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"lapsewatch/watch"
)

func TestErrorsOfSQLServerAreExplainedByTheirNumber(t *testing.T) {
	refused := mssql.Error{Number: 18456, Message: "Login failed for user 'watch'."}
	cases := []struct {
		name   string
		err    mssql.Error
		reason watch.Reason
		text   string
	}{
		{"a sign-in", refused, watch.PermissionDenied, "Login failed for user 'watch'. (error 18456)"},
		{"a database that there is not, before the general error", mssql.Error{Number: 18456, Message: "Login failed for user 'watch'.", All: []mssql.Error{
			{Number: 4060, Message: `Cannot open database "app" requested by the login.`}, refused}}, watch.NotFound, `Cannot open database "app" requested by the login. (error 4060)`},
		{"a column without the right", mssql.Error{Number: 230, Message: "The SELECT permission was denied."}, watch.PermissionDenied, "The SELECT permission was denied. (error 230)"},
		{"a lock", mssql.Error{Number: 1222, Message: "Lock request time out period exceeded."}, watch.TimedOut, "Lock request time out period exceeded. (error 1222)"},
		{"another", mssql.Error{Number: 8115, Message: "Arithmetic overflow."}, watch.Unreadable, "Arithmetic overflow. (error 8115)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, known := explainSQLServer(c.err)
			if !known || got.reason != c.reason || got.text != c.text {
				t.Errorf("got %+v, %v", got, known)
			}
		})
	}
}
