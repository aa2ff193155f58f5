package holdoff

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// fingerprint tells whether a hold was another credential's. It is empty for what is not
// kept here.
//
// Three bytes beside their salt rule a guessed secret out, and confirm it but for one
// guess in 16 million. So whoever reads them could shorten a list of likely passwords to
// a few; the secrets that services make are random, and can be neither listed nor searched
// for. And once in 16 million times a new credential looks like the old one: then the
// hold lasts to its end, which is less than a day.
type fingerprint struct {
	Salt []byte `json:"salt,omitempty"`
	Sum  []byte `json:"sum,omitempty"`
}

const fingerprintLength = 3

func fingerprintOf(credential []byte) fingerprint {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	return fingerprint{Salt: salt}.over(credential)
}

func (f fingerprint) over(credential []byte) fingerprint {
	if len(credential) == 0 {
		return fingerprint{}
	}
	sum := hmac.New(sha256.New, f.Salt)
	sum.Write(credential)
	return fingerprint{Salt: f.Salt, Sum: sum.Sum(nil)[:fingerprintLength]}
}

func (f fingerprint) of(credential []byte) bool { return hmac.Equal(f.Sum, f.over(credential).Sum) }
