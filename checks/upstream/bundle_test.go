package upstream_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lapsewatch/internal/vendortest"
)

// bundle is a file of the authorities of all servers.
func bundle(t testing.TB, servers ...*vendortest.Server) string {
	t.Helper()
	var all bytes.Buffer
	for _, server := range servers {
		content, err := os.ReadFile(server.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	path := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(path, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
