#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
for program in exportfs mount.nfs4 rpc.nfsd; do
  command -v "$program" >/dev/null || fail "$program is missing" "run provision/52-nfs/install.sh on the host"
done
