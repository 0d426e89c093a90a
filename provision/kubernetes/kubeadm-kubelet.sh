#!/bin/sh
# The kubelet of a host that kubeadm makes a node: it waits until kubeadm has told it what to be, as the unit of the package does by failing.
#   kubeadm-kubelet.sh FOLDER     of kubeadm's settings
until [ -s "$1/kubelet.conf" ] || [ -s "$1/bootstrap-kubelet.conf" ]; do sleep 0.2; done
until [ -s /var/lib/kubelet/config.yaml ] && [ -s /var/lib/kubelet/kubeadm-flags.env ]; do sleep 0.2; done
# shellcheck disable=SC1091
. /var/lib/kubelet/kubeadm-flags.env
# shellcheck disable=SC2086 # some arguments
exec kubelet --bootstrap-kubeconfig="$1/bootstrap-kubelet.conf" --kubeconfig="$1/kubelet.conf" --config=/var/lib/kubelet/config.yaml \
  ${KUBELET_KUBEADM_ARGS-}
