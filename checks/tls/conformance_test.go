package tls_test

import (
	"net"
	"net/http/httptest"
	"testing"

	"lapsewatch/checks"
	"lapsewatch/checks/checktest"
	"lapsewatch/checks/tls"
)

func TestTheCheckKeepsItsContract(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	checktest.Run(t, checktest.Case{
		Kind: tls.Kind,
		Decode: func(into any) error {
			options := into.(*tls.Options)
			for _, address := range []string{server.Listener.Addr().String(), closed.Addr().String()} {
				target, err := tls.ParseTarget(address)
				if err != nil {
					return err
				}
				options.Targets = append(options.Targets, target)
			}
			return nil
		},
		Env:      checks.DefaultEnv(nil),
		Readable: 1, Unreadable: 1,
	})
}
