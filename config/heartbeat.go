package config

import (
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

// secretIsThere refuses a reference to a secret that cannot be read.
func (l *loading) secretIsThere(key string, ref watch.SecretRef) {
	if ref.Env != "" {
		l.inUse[ref.Env] = true
	}
	if ref.IsZero() || l.secrets == nil || ref.Validate() != nil {
		return
	}
	if _, err := l.secrets(ref); err != nil {
		l.refuse(key, err)
	}
}
