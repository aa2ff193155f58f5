package certfiles

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"lapsewatch/checks"
)

// unixPlaces are where software on Linux, the BSDs and macOS keeps certificates that
// somebody on this machine has to renew.
var unixPlaces = []string{
	// By convention of the distributions: what administrators put there themselves.
	"/etc/ssl", "/etc/pki/tls", "/etc/pki/nginx", "/etc/pki/httpd", "/etc/pki/CA",
	"/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors",
	"/usr/local/etc/ssl", "/opt/homebrew/etc/nginx", "/usr/local/etc/nginx",
	// ACME clients. certbot's archive is reached through the links in live, and keeps
	// every earlier certificate for good, so it is not walked itself.
	"/etc/letsencrypt/live", "/etc/dehydrated/certs", "/var/lib/dehydrated/certs", "/var/lib/acme",
	"/root/.acme.sh", "~/.acme.sh", "/etc/lego/certificates", "/var/lib/caddy/.local/share/caddy/certificates",
	// Kubernetes: the control plane, kubelet (its dated files are reached through the
	// links named current), etcd and the distributions with folders of their own.
	"/etc/kubernetes/pki", "/etc/kubernetes/*.conf",
	"/var/lib/kubelet/pki/*current.pem", "/var/lib/kubelet/pki/*.crt",
	"/etc/etcd", "/var/lib/etcd/*.pem",
	"/etc/rancher/k3s/k3s.yaml", "/var/lib/rancher/k3s/server/tls", "/var/lib/rancher/k3s/agent/*.crt",
	"/etc/rancher/rke2/rke2.yaml", "/var/lib/rancher/rke2/server/tls", "/var/lib/rancher/rke2/agent/*.crt",
	"/var/lib/k0s/pki", "/var/snap/microk8s/current/certs",
	"~/.kube/config", "~/.minikube/ca.crt", "~/.minikube/profiles/*/*.crt",
	// Servers that take certificates in their own configuration folder.
	"/etc/nginx", "/etc/apache2", "/etc/httpd", "/etc/haproxy", "/etc/caddy", "/etc/traefik", "/etc/envoy",
	"/etc/postfix", "/etc/exim4", "/etc/dovecot", "/etc/prosody", "/etc/ejabberd", "/etc/ldap", "/etc/openldap",
	"/etc/postgresql", "/var/lib/postgresql/*/*/*.crt", "/var/lib/pgsql/*/data/*.crt", "/var/lib/pgsql/data/*.crt",
	"/etc/mysql", "/var/lib/mysql/*.pem", "/etc/mongodb", "/etc/redis", "/etc/rabbitmq", "/etc/kafka",
	"/etc/openvpn", "/etc/strongswan", "/etc/swanctl", "/etc/ipsec.d", "/etc/freeradius", "/etc/raddb", "/etc/stunnel",
	"/etc/elasticsearch", "/etc/grafana", "/etc/prometheus", "/etc/vault.d", "/etc/consul.d", "/etc/docker", "/etc/cockpit/ws-certs.d",
	"/etc/puppetlabs/puppet/ssl", "/etc/tomcat*", "/etc/gitlab/ssl",
}

// distributionTrust are the trust stores that the system's packages bring and renew.
// Dozens of their roots always are about to expire, and nobody here can do anything
// about it. Links to them are left out too.
var distributionTrust = []string{
	"/usr/share/**", "/usr/lib/ssl/**", "/etc/ca-certificates/**", "/etc/pki/ca-trust/extracted/**",
	"/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-bundle*.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/ssl/certs/java/**", "/etc/ssl/certs/adoptium/**", "/etc/pki/tls/cert.pem", "/etc/pki/tls/certs/ca-bundle*.crt",
	"/etc/ssl/trust-source/**", "/var/lib/ca-certificates/**", "/etc/openssl/certs/**",
}

// windowsPlaces hold certificates in files; the Windows certificate store is no file.
var windowsPlaces = []string{
	"~/.kube/config", "~/.minikube/ca.crt", "~/.minikube/profiles/*/*.crt", "~/.acme.sh",
	`C:\ProgramData\win-acme`, `C:\ProgramData\Certify\assets`, `C:\Certbot\live`,
	`C:\ProgramData\kubernetes\pki`, `C:\var\lib\kubelet\pki`, `C:\nginx\conf`, `C:\Apache24\conf`,
}

// usualPlaces lets a bare scan look where software on this machine keeps certificates,
// and at the kubeconfigs that kubectl would use.
func usualPlaces(_ checks.Env, options Options) (Options, error) {
	options.usual, options.Exclude = unixPlaces, distributionTrust
	if runtime.GOOS == "windows" {
		options.usual, options.Exclude = windowsPlaces, nil
	}
	options.usual = slices.DeleteFunc(slices.Clone(options.usual), homeless)
	for _, path := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if path != "" {
			options.usual = append(options.usual, path)
		}
	}
	return options, nil
}

// homeless recognises a place in the home folder of a user who has none, such as a
// service's.
func homeless(path string) bool {
	_, err := expandHome(path)
	return err != nil
}
