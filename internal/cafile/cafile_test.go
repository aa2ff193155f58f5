package cafile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lapsewatch/internal/cafile"
	"lapsewatch/internal/pki"
)

func TestPool(t *testing.T) {
	root, err := pki.NewRoot("test root")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, root.ChainPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := cafile.Pool(path)
	if err != nil {
		t.Fatal(err)
	}
	if !pool.Equal(root.Pool()) {
		t.Error("the pool does not hold exactly the file's authority")
	}
}

func TestPoolNamesTheFileInEachError(t *testing.T) {
	folder := t.TempDir()
	root, err := pki.NewRoot("test root")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"a missing file", "missing.pem", nil, "read CA file: open " + filepath.Join(folder, "missing.pem") + ": no such file or directory"},
		{"a file without a certificate", "text.pem", []byte("hello"), "read CA file " + filepath.Join(folder, "text.pem") + ": it holds no PEM certificate"},
		{"a malformed certificate behind a good one", "broken.pem", append(root.ChainPEM(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...), "read CA file " + filepath.Join(folder, "broken.pem") + ": certificate 2: x509: malformed certificate"},
		{"a file beyond the limit", "huge.pem", bytes.Repeat([]byte("\n"), 8<<20+1), "read CA file " + filepath.Join(folder, "huge.pem") + ": larger than 8388608 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(folder, test.file)
			if test.content != nil {
				if err := os.WriteFile(path, test.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := cafile.Pool(path); err == nil || err.Error() != test.want {
				t.Errorf("error = %v\nwant    %s", err, test.want)
			}
		})
	}
}
