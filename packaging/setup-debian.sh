#!/bin/bash
# Install what a target of the Makefile needs from Debian, and only what is missing.
#
#   packaging/setup-debian.sh GROUP...        groups: dev, demo, test, guests, deb
#
# It names every package before it installs it, and touches nothing else of the machine. Run it as root, or as somebody
# who may use sudo.
set -euo pipefail

declare -A GROUPS_OF_PACKAGES=(
    [dev]="ca-certificates git make python3 python3-venv rsync"
    [demo]="apt-utils ca-certificates dpkg gpg gpg-agent gpgconf iproute2 iputils-ping mmdebstrap nftables python3
            python3-click python3-cryptography python3-debian python3-msgpack python3-rich python3-sqlalchemy
            python3-yaml python3-zmq rsync util-linux"
    [guests]="busybox-static cpio kmod libvirt-daemon libvirt-daemon-driver-lxc libvirt-daemon-driver-qemu
              python3-libvirt qemu-system-x86 qemu-utils"
    [test]="e2fsprogs faketime python3-hypothesis python3-pytest python3-pytest-xdist strace util-linux xfsprogs"
    [deb]="build-essential debhelper dh-python dpkg-dev git lintian pybuild-plugin-pyproject python3-all python3-click
           python3-cryptography python3-debian python3-msgpack python3-rich python3-setuptools python3-sqlalchemy
           python3-yaml python3-zmq systemd"
)

wanted=()
for group in "$@"; do
    if [[ ! -v "GROUPS_OF_PACKAGES[$group]" ]]; then
        echo "setup-debian: there is no group '$group'; there are: ${!GROUPS_OF_PACKAGES[*]}" >&2
        exit 2
    fi
    read -r -d '' -a packages <<<"${GROUPS_OF_PACKAGES[$group]}" || true
    wanted+=("${packages[@]}")
done

missing=()
for package in "${wanted[@]}"; do
    # A package that was removed but not purged is known to dpkg and yet not here: look at the third word.
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || { echo "setup-debian: be root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q -y)

echo "setup-debian: installing from Debian: ${missing[*]}"
# Ask the mirrors only where the machine has no lists yet, or where its lists are too old to be of use.
if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1; then
    "${apt_get[@]}" --error-on=any update
fi
"${apt_get[@]}" --no-install-recommends install "${missing[@]}" || {
    "${apt_get[@]}" --error-on=any update
    "${apt_get[@]}" --no-install-recommends install "${missing[@]}"
}
