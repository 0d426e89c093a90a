#!/bin/sh
# The address of a workload on the service network, as one of this host's own: kube-proxy sends what comes for it to the workload's pod,
# wherever that is.
#   address.sh take|release ADDRESS
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
case $1 in
  take)
    ip address replace "$2/32" dev svc0
    sh "$here/../network/announce.sh" "$2" "$(cat /sys/class/net/svc0/address)" 2 20
    ;;
  release) ip address del "$2/32" dev svc0 2>/dev/null || true ;;
  *) fail "unknown: $1" 'take or release' ;;
esac
