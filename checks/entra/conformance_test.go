package entra

import (
	"testing"

	"lapsewatch/checks/checktest"
	"lapsewatch/internal/faketenant"
)

func TestTheCheckKeepsItsContract(t *testing.T) {
	broken := application(2, "broken", secret(20, "garbled", now))
	broken.PasswordCredentials[0].EndDateTime = "next Tuesday"
	s := begin(t, faketenant.Directory{
		Users:        []faketenant.User{user(1, "Ada", "ada@example.com")},
		Applications: []faketenant.Application{application(1, "crm-mail", secret(10, "mail", days(10)), secret(11, "batch", days(300))), broken},
	})
	checktest.Run(t, checktest.Case{
		Kind: Kind,
		Decode: func(into any) error {
			*into.(*Options) = s.check.options
			return nil
		},
		Env:      testEnv(),
		Readable: 3, Unreadable: 1,
	})
}
