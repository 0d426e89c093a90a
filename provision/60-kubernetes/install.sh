#!/bin/sh
# What a node of a cluster needs beside Kubernetes itself, which the tool puts there: etcd, a registry, plug-ins for its networks, and a
# containerd of its own. That of Docker is left alone; Debian 13's answers a checkpoint of the kubelet with `not implemented`, sid's (2.1) makes it.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
home=/usr/local/lib/migration-testbed/kubernetes
apt_install busybox-static conntrack containernetworking-plugins curl docker-registry etcd-client etcd-server iproute2 iptables openssl socat
# The packages start an etcd and a registry of their own, which are not ours.
if has_systemd || will_have_systemd; then
  for unit in etcd.service docker-registry.service; do
    systemctl disable "$unit" 2>/dev/null || true
    ! has_systemd || systemctl stop "$unit" 2>/dev/null || true
  done
fi
containerd_from_sid() {
  debian_sid || fail 'no Debian archive is known here, or it has no sid' 'apt-get update on the host tells why'
  work=$(mktemp -d)
  chmod 0755 "$work" # apt downloads as another user
  (cd "$work" && apt-get -q download containerd/sid && dpkg-deb -x containerd_*.deb root)
  install -d "$home/bin"
  install "$work"/root/usr/bin/containerd "$work"/root/usr/bin/containerd-shim-runc-v2 "$work"/root/usr/bin/ctr "$home/bin/"
  rm -rf "$work"
}
[ -x "$home/bin/containerd" ] || containerd_from_sid
