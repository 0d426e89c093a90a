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

# With kubeadm, the images of its release: a host need not have a way out when it becomes a node.
images_of_kubeadm() {
  work=$(mktemp -d)
  cat >"$work/containerd.toml" <<END
version = 3
root = '$work/root'
state = '$work/state'
[grpc]
  address = '$work/containerd.sock'
END
  "$home/bin/containerd" --config "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
  # shellcheck disable=SC2064 # as they are now
  trap "kill $!; rm -rf $work" EXIT
  images="$home/bin/ctr --address $work/containerd.sock -n k8s.io"
  # shellcheck disable=SC2086 # commands and names with spaces between them
  {
    wait_until 30 'a containerd that fetches images' $images version
    names=$("$home/bin/kubeadm" config images list --kubernetes-version "v$(cat "$home/version")" 2>/dev/null | grep -E '/kube-|/etcd:')
    for name in $names; do
      $images content fetch "$name" >/dev/null ||
        fail "the image $name cannot be had" 'kubeadm: { folder: … } in the testbed file takes images.tar from that folder'
    done
    $images images export "$home/bin/images.tar.new" $names
  }
  mv "$home/bin/images.tar.new" "$home/bin/images.tar"
  trap - EXIT
  kill $!
  wait $! || true
  rm -rf "$work"
}
[ "$(cat "$home/source" 2>/dev/null)" != kubeadm ] || [ -s "$home/bin/images.tar" ] || images_of_kubeadm
