#!/bin/sh
# Tools that every experiment needs on a host: networking, host-to-host byte streams, process and file inspection.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
apt_install iproute2 iptables iputils-arping lz4 nftables procps rsync socat tar zstd
