#!/bin/sh
# Starts the controller manager, which gives a node up when it has not been heard of for GRACE (its own default when absent). One that runs
# with another GRACE is started anew; of k3s that is all of the control plane.
#   manager.sh [GRACE]
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
grace=${1:-default}
pki=$conf/pki manager=$conf/controller-manager.conf mark=$conf/controller-manager.grace
set --
[ "$grace" = default ] || set -- node-monitor-grace-period="$grace" node-monitor-period=2s
if [ "$source" = k3s ]; then
  [ "$(cat "$mark" 2>/dev/null)" = "$grace" ] || stop k3s
  for argument; do set -- "$@" "--kube-controller-manager-arg=$argument" && shift; done
  start k3s "$kube" server --config "$conf/k3s.yaml" "$@"
  wait_for 120 k3s 'the API server' k3s_answers
  echo "$grace" >"$mark"
  exit
fi
if [ "$source" = kubeadm ]; then
  kubeadm_manager "$@"
  echo "$grace" >"$mark"
  exit
fi
for argument; do set -- "$@" "--$argument" && shift; done
[ "$(cat "$mark" 2>/dev/null)" = "$grace" ] || stop kube-controller-manager
start kube-controller-manager "$kube" kube-controller-manager --kubeconfig="$manager" --authentication-kubeconfig="$manager" \
  --authorization-kubeconfig="$manager" --bind-address=127.0.0.1 --service-account-private-key-file="$pki/sa.key" \
  --root-ca-file="$pki/ca.crt" --use-service-account-credentials --cluster-signing-cert-file="$pki/ca.crt" \
  --cluster-signing-key-file="$pki/ca.key" --leader-elect=false "$@"
echo "$grace" >"$mark"
