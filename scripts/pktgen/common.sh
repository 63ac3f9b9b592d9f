# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What node and generator share: names that both must agree on. To be sourced.
set -euo pipefail

PDP_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PDP_BUILD=${PDP_BUILD:-$PDP_SOURCE/build}
PREFIX=${PREFIX:-pktgen}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# The usage in the head of the script.
usage() {
	sed -n '/^# usage:/,/^[^#]/ s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# socket PORT: where the node listens for the generator.
socket() {
	echo "/run/pdp-$PREFIX-$1.sock"
}

is_pci() {
	[[ $1 =~ ^([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$ ]]
}

# pci_name ADDRESS: as DPDK calls the port: with the domain, in small letters.
pci_name() {
	local name=${1,,}
	[[ $name =~ ^[0-9a-f]{4}: ]] || name=0000:$name
	echo "$name"
}

# check_ports ARGUMENT...: none, or two PCI addresses.
check_ports() {
	[ $# -eq 0 ] && return 0
	[ $# -eq 2 ] || usage
	{ is_pci "$1" && is_pci "$2"; } || die "$*: give two PCI addresses, such as 03:00.0 03:00.1, or none"
}
