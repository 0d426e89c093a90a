#!/bin/sh
# The address of a workload on the service network, as one of this host's own: kube-proxy sends what comes for it to the workload's pod,
# wherever that is.
#   address.sh take|release ADDRESS
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
# Connections of another workload at this address, to pods or to a container, are none of this one's: a client that has come back to one of
# its ports is taken for theirs, and sent to a pod that is gone.
forget_connections() { conntrack -D -d "$1" >/dev/null 2>&1 || true; }
case $1 in
  take)
    forget_connections "$2"
    ip address replace "$2/32" dev svc0
    sh "$here/../network/announce.sh" "$2" "$(cat /sys/class/net/svc0/address)" 2 20
    ;;
  release)
    ip address del "$2/32" dev svc0 2>/dev/null || true
    forget_connections "$2"
    ;;
  *) fail "unknown: $1" 'take or release' ;;
esac
