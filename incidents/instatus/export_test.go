package instatus

import (
	"encoding/json"
	"time"

	"lapsewatch/incidents"
)

// ReadList reads a list as the system does.
func ReadList(body []byte, source string) (all []incidents.Remote) {
	var listed []entry
	if json.Unmarshal(body, &listed) != nil {
		_ = words(body)
		return nil
	}
	for _, one := range listed {
		for _, of := range []sort{incidentSort(), maintenanceSort()} {
			all = append(all, one.remote(of, source))
			_ = one.before(time.Time{}, of)
			_ = one.says("", "", one.Status, one.Components)
		}
	}
	return all
}
