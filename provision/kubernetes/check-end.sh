#!/bin/sh
# Removes the pods that check.sh made.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
"$kube" kubectl --kubeconfig "$conf/client.conf" delete pod -n kube-system -l migration-testbed=probe --grace-period=0 --force >/dev/null 2>&1
rm -f "$conf/probes"
