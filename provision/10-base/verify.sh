#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
for program in ip tc iptables nft arping pgrep lz4 rsync socat tar zstd; do
  command -v "$program" >/dev/null || fail "$program is missing" "run provision/10-base/install.sh on the host"
done
