package entra

import "lapsewatch/internal/msgraph"

// portals are where the clouds are administered.
var portals = map[msgraph.Cloud]string{
	"":                      "https://portal.azure.com",
	msgraph.PublicCloud:     "https://portal.azure.com",
	msgraph.USGovernment:    "https://portal.azure.us",
	msgraph.USGovernmentDoD: "https://portal.azure.us",
	msgraph.China:           "https://portal.azure.cn",
}

// link leads to the blade where a credential of the holder is renewed. The IDs in it are
// GUIDs.
func (d *describer) link(h *holder) string {
	switch {
	case d.portal == "":
		return ""
	case h.principal:
		return d.portal + "/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/SignOn/objectId/" + h.objectID + "/appId/" + h.appID
	default:
		return d.portal + "/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId/" + h.appID
	}
}

// azureClouds are the names of the Azure CLI for the clouds that it does not begin in.
var azureClouds = map[msgraph.Cloud]string{
	msgraph.USGovernment:    "AzureUSGovernment",
	msgraph.USGovernmentDoD: "AzureUSGovernment",
	msgraph.China:           "AzureChinaCloud",
}
