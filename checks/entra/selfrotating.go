package entra

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lapsewatch/watch"
)

// rotation is a class of credentials that Microsoft rotates without being told.
type rotation int8

const (
	notRotated rotation = iota
	applicationProxy
	entraConnect
	peerToPeer
	managedIdentity
	rotations
)

var rotationNames = [rotations][2]string{
	applicationProxy: {"Application Proxy secret", "Application Proxy secrets"},
	entraConnect:     {"Entra Connect certificate", "Entra Connect certificates"},
	peerToPeer:       {"P2P Server certificate", "P2P Server certificates"},
	managedIdentity:  {"certificate of a managed identity", "certificates of managed identities"},
}

const (
	proxyTag    = "WindowsAzureActiveDirectoryOnPremApp"
	proxySecret = "CWAP_AuthSecret"
)

var (
	connectPattern = regexp.MustCompile(`^ConnectSyncProvisioning_.+_[0-9a-f]{12}$`)
	connectSubject = "CN=Entra Connect Sync Provisioning"
	peerPattern    = regexp.MustCompile(`^CN=MS-Organization-P2P-Access \[[0-9]{4}\]$`)
)

// rotationOf recognises what rotates by itself. A name alone hides nothing that the
// feature does not make: a secret that somebody added to such an application is watched.
func rotationOf(h *holder, i *item, proxied bool) rotation {
	certificate := i.form == watch.ClientCertificate
	switch {
	case h.principal && strings.EqualFold(h.kind, "ManagedIdentity"):
		return managedIdentity
	case proxied && i.form == watch.ClientSecret && (i.name == proxySecret || i.custom == proxySecret):
		return applicationProxy
	case certificate && connectPattern.MatchString(h.name) && strings.EqualFold(i.name, connectSubject):
		return entraConnect
	case certificate && h.name == "P2P Server" && peerPattern.MatchString(i.name):
		return peerToPeer
	default:
		return notRotated
	}
}

// sortOutRotated finds what rotates by itself. It is taken away and counted, unless it is
// to be watched all the same.
func (h *holder) sortOutRotated(proxied, watched bool, counts *[rotations]int) {
	for i := range h.items {
		h.items[i].rotated = rotationOf(h, &h.items[i], proxied)
	}
	if watched {
		return
	}
	h.items = slices.DeleteFunc(h.items, func(i item) bool {
		counts[i.rotated]++
		return i.rotated != notRotated
	})
}

// rotatedRemark says what was left out; empty if nothing was.
func rotatedRemark(counts *[rotations]int) string {
	var parts []string
	for class := applicationProxy; class < rotations; class++ {
		if count := counts[class]; count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, plural(count, rotationNames[class][0], rotationNames[class][1])))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "left out, because Microsoft rotates them: " + strings.Join(parts, ", ")
}

func plural(count int, one, many string) string {
	if count == 1 {
		return one
	}
	return many
}

func hasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(has string) bool { return strings.EqualFold(has, tag) })
}
