package statuspage

// The limits on a name and a body are the service's, the others ours: it names none for
// metadata and drafts.
const (
	maxTitle    = 255
	maxText     = 25_000
	maxInternal = 10_000
	maxNote     = 5_000
	maxDraft    = 100_000
)
