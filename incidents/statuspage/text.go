package statuspage

import (
	"crypto/sha256"
	"encoding/hex"

	"lapsewatch/internal/stubtext"
)

// The limits on a name and a body are the service's, the others ours: it names none for
// metadata and drafts.
const (
	maxTitle    = 255
	maxText     = 25_000
	maxInternal = 10_000
	maxNote     = 5_000
	maxDraft    = 100_000
)

// digest tells texts apart.
func digest(text string) string {
	sum := sha256.Sum256([]byte(stubtext.Tidy(text)))
	return hex.EncodeToString(sum[:8])
}
