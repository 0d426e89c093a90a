#!/bin/sh
# Removes what check.sh made: the pods, on the host of the control plane, and on every host the checkpoints of them.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
if [ -e "$conf/probes" ]; then
  kubectl delete pod -n kube-system -l migration-testbed=probe --grace-period=0 --force >/dev/null 2>&1
  rm "$conf/probes"
fi
rm -f "$state"/kubelet/checkpoints/checkpoint-testbed-probe-*
