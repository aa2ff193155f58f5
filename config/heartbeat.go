package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"lapsewatch/internal/heartbeat"
	"lapsewatch/watch"
)

func (l *loading) heartbeat(node yaml.Node) {
	if node.IsZero() {
		return
	}
	options, err := watch.FillOptions(heartbeat.Defaults, l.trial("heartbeat", l.decoder(node)))
	l.refuseAll("heartbeat", err)
	l.config.Heartbeat = &options
}

// secretIsThere refuses a reference to a secret that cannot be read, unless it is what a
// check watches: that may be gone for a moment, and the check says so.
func (l *loading) secretIsThere(key string, ref watch.SecretRef, watched bool) {
	if ref.Env != "" {
		l.inUse[ref.Env] = true
	}
	if ref.IsZero() || l.secrets == nil || ref.Validate() != nil {
		return
	}
	_, err := l.secrets(ref)
	switch {
	case err == nil:
	case watched:
		l.warn(fmt.Sprintf("%s: %v; as long as that lasts it is a finding of the check", key, err))
	default:
		l.refuse(key, err)
	}
}
