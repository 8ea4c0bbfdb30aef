#!/bin/bash
# Build the Debian packages and the wheel of this checkout, from a copy of it: nothing is left behind in the tree.
#
#   packaging/build-deb.sh OUT [VERSION]
#
# What is built is every file that git knows, as it is in the working tree, and those that it would add. The version is
# that of orch/__init__.py, the moment of the last commit and its name; `+changed` where the tree differs from it. All
# times are that moment (SOURCE_DATE_EPOCH), so that one commit gives the same bytes wherever it is built.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $# -ge 1 ]] || { sed -n 's/^# \{0,1\}//; 2,5p' "$0" >&2; exit 2; }

# Debian's own interpreter and tools: one that comes first on somebody's PATH has not Debian's packages.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TZ=UTC
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
umask 022
mkdir -p "$1"
out=$(realpath "$1")
git() { command git -c safe.directory='*' "$@"; }

git rev-parse --verify --quiet HEAD >/dev/null || { echo "build-deb: this is no checkout of git" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
upstream=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' orch/__init__.py)
moment=$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)
# 0.1.0.dev0 and 0.1.0rc1 come before 0.1.0: `~` says that to dpkg.
version=$(sed -E 's/\.?(dev|rc)/~\1/' <<<"$upstream")+git$moment.$(git rev-parse --short=8 HEAD)
[[ -z $(git status --porcelain) ]] || version+=+changed
version=${2:-$version}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/orch-$upstream
mkdir "$tree"
git ls-files -z --cached --others --exclude-standard --deduplicate |
    while IFS= read -r -d '' name; do [[ ! -e $name && ! -L $name ]] || printf '%s\0' "$name"; done |
    tar --create --null --no-recursion --files-from=- | tar --extract --directory "$tree" --no-same-owner
mv "$tree/packaging/debian" "$tree/debian"
cat >"$tree/debian/changelog" <<END
orch ($version) bookworm; urgency=medium

  * What is new is told in CHANGELOG.md: changelog.gz, beside this file.

 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(date --utc --date "@$SOURCE_DATE_EPOCH" --rfc-email)
END
# Modes are part of what is built, and a checkout's depend on its owner's umask.
chmod -R u=rwX,go=rX "$tree"

cd "$tree"
log=$out/build.log
if ! dpkg-buildpackage --build=binary --no-sign --jobs=2 >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    echo "build-deb: dpkg-buildpackage failed; all of it: $log" >&2
    exit 1
fi
rm -f "$out"/orch*_all.deb "$out"/orch_*.changes "$out"/orch_*.buildinfo "$out"/orch-*.whl
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo .pybuild/*/*.whl "$out"
(cd "$out" && sha256sum -- *.deb *.whl | tee SHA256SUMS)
