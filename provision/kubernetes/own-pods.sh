#!/bin/sh
# The identifiers of containers that are parts of the cluster itself, and of their pods: with kubeadm every host has some. Those of check.sh are none.
grep -sl '"io.kubernetes.cri.sandbox-namespace":"kube-system"' \
  /run/migration-testbed-kubernetes/containerd/io.containerd.runtime.v2.task/k8s.io/*/config.json | while read -r settings; do
  ! grep -q '"io.kubernetes.cri.sandbox-name":"testbed-probe-' "$settings" || continue
  basename "$(dirname "$settings")"
  grep -o '"io.kubernetes.cri.sandbox-uid":"[^"]*' "$settings" | sed 's/.*"//'
done
