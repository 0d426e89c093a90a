#!/bin/sh
# What a node needs before its kubelet: its own containerd, and the network of its pods. Idempotent.
#   runtime.sh NUMBER ADDRESS CONTROL [NUMBER=ADDRESS…]    CONTROL: address of the control plane's host, which has the registry too; then
#                                                          the others' numbers and addresses: their pods are reached through them
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
number=$1 address=$2 registry=$(registry_of "$3")
shift 3
mine=$conf/node
[ -s "$mine/ca.crt" ] || fail 'this node has no credentials' 'the tool sends them: testbed up'
for controller in cpu cpuset memory; do # without which no kubelet starts
  has_controller "$controller" ||
    fail "this host has no cgroup controller $controller" "cat /proc/cgroups on the host tells what its kernel has; some need cgroup_enable=$controller when they boot"
done
mkdir -p "$state/containerd" "$state/kubelet" "$state/cni" "$(dirname "$socket")" "$conf/cni"
# kubelet listens to the kernel's messages for processes that ran out of memory: a host without them has none to tell.
[ -e /dev/kmsg ] || ln -s /dev/null /dev/kmsg
sysctl -q -w net.ipv4.ip_forward=1
# kubelet sets how the kernel takes a shortage of memory and faults of its own. On a host that shares the kernel of a machine these are the
# machine's: it gets files in their place.
if ! has_systemd; then
  for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    own=/run/migration-testbed-kubernetes/sys/$setting
    ! mountpoint -q "/proc/sys/$setting" || continue
    mkdir -p "$(dirname "$own")"
    cat "/proc/sys/$setting" >"$own"
    mount --bind "$own" "/proc/sys/$setting"
  done
fi

# Pods of a node are on a bridge of its own; those of the others are reached over the management network.
keep "$conf/cni/10-testbed.conflist" <<END
{ "cniVersion": "1.0.0", "name": "testbed", "plugins": [
  { "type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "dataDir": "$state/cni", "ranges": [[{ "subnet": "$(pods_of "$number")" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
END
# An address of a service is another's before a packet leaves, but it has to lead somewhere: a host may have no route to everywhere.
interface=$(ip -o -4 address show to "$address" | awk '{ print $2; exit }')
ip route replace "$services" dev "$interface" src "$address"
for other; do ip route replace "$(pods_of "${other%%=*}")" via "${other#*=}"; done
# Docker's engine drops what it does not forward itself.
for direction in -s -d; do
  iptables -C FORWARD "$direction" 10.244.0.0/16 -m comment --comment migration-testbed -j ACCEPT 2>/dev/null ||
    iptables -I FORWARD "$direction" 10.244.0.0/16 -m comment --comment migration-testbed -j ACCEPT
done

# Without CAP_SYS_RESOURCE nothing can be made less likely to be killed than it is.
capabilities=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
if [ $((capabilities >> 24 & 1)) = 1 ]; then restrict=false; else restrict=true; fi
runtime() { # runtime HANDLER PROGRAM
  cat <<END
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.$1]
  runtime_type = 'io.containerd.runc.v2'
  pod_annotations = ['org.criu.*', 'migration-testbed.*']
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.$1.options]
    BinaryName = '$2'
    SystemdCgroup = false
END
}
# A pod has another address on every node: connections cannot come along, and CRIU is told so. Pods name the file in an annotation.
grep -v '^tcp-established' /etc/criu/runc.conf >"$conf/criu.conf"
echo tcp-close >>"$conf/criu.conf"
echo "$registry" >"$conf/registry"
install -m 0755 "$here/runc-restore.sh" "$home/bin/runc-restore"
keep "$conf/containerd.toml" <<END
version = 3
root = '$state/containerd'
state = '/run/migration-testbed-kubernetes/containerd'
[grpc]
  address = '$socket'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'localhost/migration-testbed-pause:1'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = $restrict
$(runtime runc runc)
$(runtime restore "$home/bin/runc-restore")
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '$conf/cni'
END
# The registry's certificate is the cluster's own; others are still those of the system's folder.
start containerd env SSL_CERT_FILE="$mine/ca.crt" PATH="$home/bin:$PATH" "$home/bin/containerd" --config "$conf/containerd.toml"
# shellcheck disable=SC2086 # a command with its options
wait_for 60 containerd 'the containerd of Kubernetes' $images version
# The image of the first process of every pod: one file, or a shell of one file where k3s brings no such program.
if ! $images images ls -q | grep -qx localhost/migration-testbed-pause:1; then
  work=$(mktemp -d)
  if [ -x "$home/bin/pause" ]; then
    install -D "$home/bin/pause" "$work/root/pause"
  else
    install -D -t "$work/root/bin" "$(command -v busybox)"
    install "$here/pause.sh" "$work/root/pause"
  fi
  tar -c -C "$work/root" --mtime=@0 --owner=0 --group=0 --numeric-owner -f "$work/layer.tar" .
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)" >"$work/config.json"
  printf '[{"Config":"config.json","RepoTags":["localhost/migration-testbed-pause:1"],"Layers":["layer.tar"]}]' >"$work/manifest.json"
  tar -c -C "$work" manifest.json config.json layer.tar | $images images import - >/dev/null
  rm -rf "$work"
fi
