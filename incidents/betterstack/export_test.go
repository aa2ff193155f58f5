package betterstack

import (
	"encoding/json"
	"time"

	"lapsewatch/incidents"
	"lapsewatch/watch"
)

// ReadList reads a list of reports and of updates as the system does.
func ReadList(body []byte, source string) (all []incidents.Remote) {
	_ = words(body)
	var reports struct {
		Data       []report   `json:"data"`
		Pagination pagination `json:"pagination"`
	}
	var updates struct {
		Data []update `json:"data"`
	}
	if json.Unmarshal(body, &reports) != nil || json.Unmarshal(body, &updates) != nil {
		return nil
	}
	_ = pageOf(reports.Pagination.Next)
	for _, one := range reports.Data {
		all = append(all, standing{one, updates.Data}.remote(source, time.Unix(0, 0)))
		_, _ = one.moved(incidents.Stub{Phase: watch.Scheduled, Window: &watch.Window{From: time.Unix(0, 0)}}, time.Unix(0, 0))
		_ = one.overBefore(time.Unix(0, 0))
	}
	return all
}
