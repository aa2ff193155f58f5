#!/bin/sh
# Installs the Debian packages that the tests run as real servers, those that are missing
# only, and says which. No system service is started: tests start their own copies. Then
# it fetches the documents that tests compare with, and the server that no Debian package has.
set -eu

documents=$(dirname "$0")/documents.sh

packages="ca-certificates chromium chrony dovecot-imapd dovecot-pop3d gcc git hugo libc6-dev
	libfaketime libnginx-mod-mail make mariadb-server nginx-light nodejs openssh-server openssl
	postfix postgresql prometheus-alertmanager prometheus-node-exporter prosody rsyslog
	rsyslog-gnutls slapd vsftpd"
# npm fetches the documents and a server; it often comes from elsewhere than Debian.
command -v npm >/dev/null || packages="$packages npm"

missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exec sh "$documents"

root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "the tests need these Debian packages; install them as root:$missing" >&2
		exit 1
	}
	root=sudo
fi
echo "installing the Debian packages that the tests need:$missing"

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
denied=
finish() {
	result=$?
	rm -f "$log"
	[ -z "$denied" ] || $root rm -f "$policy"
	exit "$result"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Debian asks this file before it starts a service. One that is there already is the
# machine's own decision.
if [ ! -e "$policy" ]; then
	denied=yes
	printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null
	$root chmod 755 "$policy"
fi

apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 || {
		cat "$log" >&2
		exit 1
	}
}
apt update
# shellcheck disable=SC2086 # one word a package
apt install -y --no-install-recommends $missing
sh "$documents"
