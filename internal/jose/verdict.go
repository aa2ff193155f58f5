package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"lapsewatch/internal/clean"
)

// State is what comes of verifying a signature.
type State string

// The states.
const (
	// Valid: one of the keys signed it.
	Valid State = "valid"
	// Invalid: the key that it names did not sign it, or must not be used for that.
	Invalid State = "invalid"
	// Vanished: the key that signed it is not among the keys.
	Vanished State = "vanished"
	// Unsigned: its algorithm is "none".
	Unsigned State = "unsigned"
	// Unchecked: it cannot be verified here.
	Unchecked State = "unchecked"
)

// Verdict is what comes of verifying a signature with a set of keys.
type Verdict struct {
	State State
	// Text says why, as a clause without a subject: "names the key 7, which …"; empty if Valid.
	Text string
	// KeyName is that of the key that signed it, if Valid.
	KeyName string
}

// algorithms are those of RFC 7518, section 3.1, and RFC 8037 that go-jose verifies, with
// the sort of key that each needs. A public key is never taken for a shared secret.
func algorithms() map[gojose.SignatureAlgorithm]func(key any) bool {
	return map[gojose.SignatureAlgorithm]func(any) bool{
		gojose.RS256: is[*rsa.PublicKey], gojose.RS384: is[*rsa.PublicKey], gojose.RS512: is[*rsa.PublicKey],
		gojose.PS256: is[*rsa.PublicKey], gojose.PS384: is[*rsa.PublicKey], gojose.PS512: is[*rsa.PublicKey],
		gojose.ES256: onCurve(256), gojose.ES384: onCurve(384), gojose.ES512: onCurve(521),
		gojose.EdDSA: is[ed25519.PublicKey],
		gojose.HS256: is[[]byte], gojose.HS384: is[[]byte], gojose.HS512: is[[]byte],
	}
}

func is[K any](key any) bool {
	_, ok := key.(K)
	return ok
}

func onCurve(bits int) func(any) bool {
	return func(key any) bool {
		public, ok := key.(*ecdsa.PublicKey)
		return ok && public.Params().BitSize == bits
	}
}

// Verify tells whether one of the keys signed the token. It uses no key that the token
// brings along, and does not look at dates or claims.
func Verify(token []byte, set KeySet) Verdict {
	token = Bare(token)
	read, err := Read(token)
	if err != nil {
		return Verdict{State: Unchecked, Text: "cannot be verified: " + err.Error()}
	}
	if read.Unsigned() {
		return Verdict{State: Unsigned, Text: `is unsigned (alg "none", RFC 7518, 3.6), so that anybody could have written it`}
	}
	known := algorithms()
	suits, ok := known[gojose.SignatureAlgorithm(read.Algorithm)]
	if !ok {
		return Verdict{State: Unchecked, Text: fmt.Sprintf("is signed with the algorithm %q, which cannot be verified here", shownWord(read.Algorithm))}
	}
	if read.KeyID == "" {
		return unnamed(token, read, set, suits)
	}
	return named(token, read, set, suits)
}

// named verifies a token that names its key. Several may have that name; while one of them
// cannot be used here, nobody can say that none signed it.
func named(token []byte, read Token, set KeySet, suits func(any) bool) Verdict {
	name := shownWord(read.KeyID)
	verdict := Verdict{State: Vanished, Text: fmt.Sprintf("names the key %q, which is not among the keys (%s)", name, count(set))}
	unreadable := ""
	for _, key := range set.Keys {
		if key.ID != read.KeyID {
			continue
		}
		switch {
		case key.Unreadable != "":
			unreadable = key.Unreadable
		case key.Use == "enc":
			verdict = Verdict{State: Invalid, Text: fmt.Sprintf("names the key %q, which is published for encryption and not for signatures", name)}
		case !suits(key.verifies) || key.Algorithm != "" && key.Algorithm != read.Algorithm:
			verdict = Verdict{State: Invalid, Text: fmt.Sprintf("is signed with %s, which does not go with the key %q that it names (%s)", shownWord(read.Algorithm), name, key.sort())}
		default:
			err := verify(token, key, read.Algorithm)
			if err == nil {
				return Verdict{State: Valid, KeyName: key.Name()}
			}
			verdict = refusal(err, fmt.Sprintf("was not signed by the key %q that it names", name))
		}
	}
	if unreadable != "" {
		return Verdict{State: Unchecked, Text: fmt.Sprintf("names the key %q, which %s", name, unreadable)}
	}
	return verdict
}

// unnamed verifies a token that names no key. Any of those that go with its algorithm may
// have signed it, those that cannot be used here too.
func unnamed(token []byte, read Token, set KeySet, suits func(any) bool) Verdict {
	tried, refused, unreadable := 0, error(nil), ""
	for _, key := range set.Keys {
		if key.Unreadable != "" && key.mayHaveSigned(read.Algorithm) {
			unreadable = key.Unreadable
		}
		if key.verifies == nil || key.Use == "enc" || !suits(key.verifies) || key.Algorithm != "" && key.Algorithm != read.Algorithm {
			continue
		}
		tried++
		err := verify(token, key, read.Algorithm)
		if err == nil {
			return Verdict{State: Valid, KeyName: key.Name()}
		}
		refused = err
	}
	algorithm := shownWord(read.Algorithm)
	switch {
	case unreadable != "":
		return Verdict{State: Unchecked, Text: fmt.Sprintf("names no key, and one of those that may have signed it %s", unreadable)}
	case tried > 0:
		return refusal(refused, fmt.Sprintf("names no key, and none of the keys signed it (%s)", count(set)))
	case strings.HasPrefix(read.Algorithm, "HS"):
		return Verdict{State: Invalid, Text: fmt.Sprintf("is signed with a secret (%s), which none of the keys is (%s)", algorithm, count(set))}
	}
	return Verdict{State: Vanished, Text: fmt.Sprintf("names no key, and none of the keys goes with its algorithm, %s (%s)", algorithm, count(set))}
}

// mayHaveSigned goes by what is known of a key that cannot be used here.
func (k Key) mayHaveSigned(algorithm string) bool {
	kind := map[string]string{"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP", "HS": "oct"}[algorithm[:min(2, len(algorithm))]]
	return k.Use != "enc" && (k.Algorithm == "" || k.Algorithm == algorithm) && (k.Type == "" || k.Type == kind)
}

func verify(token []byte, key Key, algorithm string) error {
	signed, err := gojose.ParseSignedCompact(string(token), []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return err
	}
	_, err = signed.Verify(key.verifies)
	return err
}

// refusal tells a signature that is wrong from one that could not be looked at.
func refusal(err error, text string) Verdict {
	if errors.Is(err, gojose.ErrCryptoFailure) {
		return Verdict{State: Invalid, Text: text}
	}
	return Verdict{State: Unchecked, Text: "cannot be verified: its header asks for what is not known here"}
}

// sort says in a few words what a key is.
func (k Key) sort() string {
	words := []string{}
	for _, word := range []string{k.Type, k.Algorithm} {
		if word != "" {
			words = append(words, shownWord(word))
		}
	}
	return strings.Join(words, ", ")
}

func count(set KeySet) string { return fmt.Sprintf("published: %d", len(set.Keys)) }

func shownWord(word string) string { return clean.Text(word, shownRunes) }
