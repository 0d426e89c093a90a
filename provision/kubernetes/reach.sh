#!/bin/sh
# Whether the pods with these addresses answer from this host.
#   reach.sh ADDRESS…
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
for address; do
  wait_for 20 kubelet "an answer of the pod at $address" socat -u "TCP4:$address:8080,connect-timeout=2" /dev/null
done
