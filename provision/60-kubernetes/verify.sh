#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
home=/usr/local/lib/migration-testbed/kubernetes
for program in etcd docker-registry conntrack curl openssl socat runc; do
  command -v "$program" >/dev/null || fail "$program is missing" 'run provision/60-kubernetes/install.sh on the host'
done
"$home/bin/containerd" --version >/dev/null || fail 'the containerd of Kubernetes does not start' 'run provision/60-kubernetes/install.sh on the host'
[ -x /usr/lib/cni/bridge ] || fail 'the plug-ins for networks of pods are missing' 'run provision/60-kubernetes/install.sh on the host'
[ "$(cat "$home/source" 2>/dev/null)" != kubeadm ] || [ -s "$home/bin/images.tar" ] ||
  fail 'the images that kubeadm needs are missing' 'run provision/60-kubernetes/install.sh on the host'
