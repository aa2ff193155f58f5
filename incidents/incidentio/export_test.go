package incidentio

import (
	"encoding/json"

	"lapsewatch/incidents"
)

// ReadOne reads an object of each sort as the system does.
func ReadOne(body []byte, source string) (all []incidents.Remote) {
	_ = words(body)
	var page entry
	if json.Unmarshal(body, &page) == nil {
		for _, of := range []sort{incidentSort(), maintenanceSort()} {
			all = append(all, page.remote(of, source))
		}
		_ = page.says("", "", page.status())
	}
	var staff incident
	if json.Unmarshal(body, &staff) == nil {
		all = append(all, staff.remote(statuses{}, source))
	}
	return all
}
