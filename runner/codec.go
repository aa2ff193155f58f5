package runner

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"lapsewatch/watch"
)

// codec puts findings aside in CBOR (RFC 8949), which takes little more than half of
// the processor time of JSON. Nothing of it outlives the pass.
type codec struct {
	encode cbor.EncMode
	decode cbor.DecMode
}

// newCodec panics only if its constant options contradict each other.
func newCodec() codec {
	encode, err := cbor.EncOptions{Time: cbor.TimeUnixDynamic}.EncMode()
	if err != nil {
		panic(fmt.Sprintf("options of the encoder: %v", err))
	}
	decode, err := cbor.DecOptions{IntDec: cbor.IntDecConvertSignedOrFail, UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("options of the decoder: %v", err))
	}
	return codec{encode, decode}
}

func (c codec) read(line []byte) (watch.Finding, error) {
	var finding watch.Finding
	err := c.decode.Unmarshal(line, &finding)
	finding.NotBefore, finding.NotAfter = inUTC(finding.NotBefore), inUTC(finding.NotAfter)
	for key, detail := range finding.Details {
		if texts, ok := allTexts(detail); ok {
			finding.Details[key] = texts
		}
	}
	return finding, err
}

// allTexts gives a list of texts the type back that it had before it was put aside.
func allTexts(detail any) ([]string, bool) {
	list, ok := detail.([]any)
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		ok = ok && isText
		texts = append(texts, text)
	}
	return texts, ok
}

// inUTC undoes the local zone that decoding brings; a zero time stays zero.
func inUTC(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
