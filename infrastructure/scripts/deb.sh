#!/usr/bin/env bash
# deb.sh BINARY [VERSION]: called by `make deb`. Makes the Debian packages freeinference and freeinference-dbgsym out of
# a release binary with symbols, in .build/deb, and has lintian look at them; its words are in .build/deb/lintian.txt.
# BINARY must run here, since man pages and completions are made from what it says of itself. VERSION is that of
# infrastructure/debian/changelog unless it is given.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[[ $# -ge 1 ]] || { echo "usage: deb.sh BINARY [VERSION]" >&2; exit 2; }
binary=$(realpath "$1")
cd "$root"

changelog=infrastructure/debian/changelog
version=${2:-$(dpkg-parsechangelog --file "$changelog" --show-field Version)}
release=$("$binary" --version)
[[ ${version%-*} == "$release"* ]] || { echo "deb: version $version of a binary that says $release" >&2; exit 1; }
readelf --sections --wide "$binary" | grep -q ' \.symtab ' || { echo "deb: $binary has no symbols" >&2; exit 1; }

# Dates in the package are those of its changelog, not of the day on which it is made.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog --file "$changelog" --show-field Timestamp)
export SOURCE_DATE_EPOCH
date=$(date --utc --date="@$SOURCE_DATE_EPOCH" +%F)

out=.build/deb
stage=$out/freeinference-$release
rm -rf "$out"
mkdir -p "$stage"
cp --recursive infrastructure/debian "$stage/debian"
cp CHANGELOG.md "$stage/CHANGELOG.md"
if [[ $# -ge 2 ]]; then
    {
        printf 'freeinference (%s) bookworm; urgency=medium\n\n' "$version"
        printf '  * Made by make deb VERSION=%s.\n\n' "$version"
        printf ' -- FreeInference Edge authors <freeinference@example.org>  %s\n\n' \
            "$(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %T +0000')"
        cat "$changelog"
    } >"$stage/debian/changelog"
fi

# put MODE PATH: what comes on stdin, in the package.
tree=$stage/tree
put() { install -D --mode="$1" /dev/stdin "$tree/$2"; }

install -D --mode=755 "$binary" "$tree/usr/bin/freeinference"
sed 's|/usr/local/bin/freeinference|/usr/bin/freeinference|' infrastructure/systemd/hybrid_inference.service |
    put 644 lib/systemd/system/freeinference.service
put 644 lib/systemd/system/freeinference.socket <infrastructure/systemd/freeinference.socket
put 640 etc/freeinference/freeinference.yaml <infrastructure/debian/freeinference.yaml

"$binary" --experimental-dump-help | infrastructure/scripts/manual.py commands --date "$date" |
    put 644 usr/share/man/man1/freeinference.1
infrastructure/scripts/manual.py configuration --date "$date" | put 644 usr/share/man/man5/freeinference.yaml.5
# The file is sourced, so its first line, which names an interpreter, is not for it.
"$binary" --generate-completion-script bash | sed '1{/^#!/d}' |
    put 644 usr/share/bash-completion/completions/freeinference
"$binary" --generate-completion-script zsh | put 644 usr/share/zsh/vendor-completions/_freeinference
"$binary" --generate-completion-script fish | put 644 usr/share/fish/vendor_completions.d/freeinference.fish

documents=usr/share/doc/freeinference
for page in SECURITY.md docs/*.md; do put 644 "$documents/$(basename "$page")" <"$page"; done
for example in infrastructure/examples/* infrastructure/systemd/freeinference.yaml \
    infrastructure/systemd/socket-activation.conf infrastructure/monitoring/*; do
    put 644 "$documents/examples/$(basename "$example")" <"$example"
done
infrastructure/scripts/sbom.py "$binary" | put 644 "$documents/sbom.cdx.json"

if ! (cd "$stage" && dpkg-buildpackage --build=binary --no-sign --no-check-builddeps --no-pre-clean) \
    >"$out/build.log" 2>&1; then
    tail -40 "$out/build.log" >&2
    exit 1
fi
rm -rf "$stage"

# lintian ends with 2 where it has found something, also for what is overridden and shown; with 1 when it failed itself.
status=0
lintian --allow-root --display-info --show-overrides "$out"/*.changes >"$out/lintian.txt" 2>&1 || status=$?
found=$(grep -E '^[EWI]: ' "$out/lintian.txt" || true)
overrides=$(grep -c '^O: ' "$out/lintian.txt" || true)
echo "lintian: ${found:-nothing but $overrides overrides, with their reasons in $out/lintian.txt}"
if [[ $status -eq 1 ]] || grep -q '^E: ' <<<"$found"; then exit 1; fi
ls -l "$out"/*.deb
