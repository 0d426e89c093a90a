# shellcheck shell=sh disable=SC2034
# Sourced by the scripts beside it: where things of the cluster are on a host.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib.sh
. "$here/../lib.sh"
home=/usr/local/lib/migration-testbed/kubernetes # programs
state=/var/lib/migration-testbed/kubernetes      # what they keep
conf=/etc/migration-testbed/kubernetes           # what they are told, and keys
logs=/var/log/kubernetes
socket=/run/migration-testbed-kubernetes/containerd.sock
kube=$home/bin/kube
source=$(cat "$home/source" 2>/dev/null || echo modules) # where it comes from: k3s runs all parts of a host as one service, kubeadm those of the control plane as pods
# As whoever administers the cluster: on the host of its control plane.
kubectl() { "$kube" kubectl --kubeconfig "$conf/client.conf" "$@"; }
pods_of() { echo "10.244.$1.0/24"; } # of the node with this number
services=10.96.0.0/16
first_service=10.96.0.1
trusted=$conf/node/ca.crt # of the cluster, on every node
registry_of() { echo "$1:5000"; }                       # of the cluster whose control plane is on the host with this address
images="$home/bin/ctr --address $socket -n k8s.io"      # of the kubelet's containerd
containers=/run/containerd/runc/k8s.io                  # where it lets runc keep their state
restoring=/run/migration-testbed-kubernetes/restore     # what pods of the RuntimeClass testbed-restore are restored from
restored=/run/migration-testbed-kubernetes/restored     # marks that runc-restore.sh leaves until they are started

# Whether the kernel gives this host that controller of cgroups, of the first or of the second version.
has_controller() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    grep -qw "$1" /sys/fs/cgroup/cgroup.controllers
  else
    awk -v name="$1" '$3 == "cgroup" && index("," $4 ",", "," name ",") { found = 1 } END { exit !found }' /proc/self/mounts
  fi
}

# keep FILE: gives it the content that comes on standard input, unless it has that: kube-proxy ends when its settings are written to.
keep() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

# kubelet_settings ADDRESS, kube_proxy_settings NODE: of a node, where these are programs of their own.
kubelet_settings() {
  cat <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $1
authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: $conf/node/ca.crt } }
authorization: { mode: Webhook }
tlsCertFile: $conf/node/kubelet.crt
tlsPrivateKeyFile: $conf/node/kubelet.key
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
healthzBindAddress: 127.0.0.1
# The namespaces of hosts share one disk: what one of them sees as full is so for all.
evictionHard: { memory.available: 100Mi, nodefs.available: 2%, imagefs.available: 2% }
imageGCHighThresholdPercent: 100
imageMinimumGCAge: 24h
resolvConf: ""
registerNode: true
END
}
kube_proxy_settings() {
  cat <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $1
clientConnection: { kubeconfig: $conf/node/kube-proxy.conf }
clusterCIDR: 10.244.0.0/16
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
# Limits of connections belong to the kernel, which hosts share. A connection that moves here is in the middle of its life when this host sees it
# first: what looks out of place of it is not dropped.
conntrack: { maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s, tcpBeLiberal: true }
END
}

# shellcheck source=k3s.sh
[ "$source" != k3s ] || . "$here/k3s.sh"
# shellcheck source=kubeadm.sh
[ "$source" != kubeadm ] || . "$here/kubeadm.sh"

started=
# pid_of NAME: of a service that was started here.
pid_of() { if has_systemd; then systemctl show -P MainPID "testbed-$1"; else cat "/run/testbed-$1.pid" 2>/dev/null || echo none; fi; }
running() {
  if has_systemd; then systemctl is-active -q "testbed-$1"; else kill -0 "$(pid_of "$1")" 2>/dev/null; fi
}
# listens NAME PORT: whether that service, and nobody else, does.
listens() { ss -Hltnp "sport = :$2" | grep -qF "pid=$(pid_of "$1"),"; }

# start NAME COMMAND…: a service of the cluster, in the background, unless it runs. With systemd as a unit that lives as long as the host does.
start() {
  name=$1
  shift
  mkdir -p "$logs"
  started="$started $name"
  ! running "$name" || return 0
  if has_systemd; then
    systemctl reset-failed "testbed-$name" 2>/dev/null || true
    systemd-run -q --unit="testbed-$name" --property=Restart=on-failure --property=LimitNOFILE=1048576 --property=Delegate=yes \
      --property="StandardOutput=append:$logs/$name.log" --property="StandardError=append:$logs/$name.log" "$@"
    return
  fi
  rm -f "/run/testbed-$name.pid"
  setsid sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "/run/testbed-$name.pid" "$@" >>"$logs/$name.log" 2>&1 </dev/null &
  wait_until 10 "the start of $name" test -s "/run/testbed-$name.pid"
}

# stop NAME: that service, if it runs.
stop() {
  running "$1" || return 0
  pid=$(pid_of "$1")
  if has_systemd; then systemctl stop "testbed-$1"; else kill "$pid"; fi
  wait_until 20 "the end of $1" not_running "$pid"
}

# api_ready ADDRESS: whether the API server at this address is, asked as whoever administers the cluster and without a kubectl, which takes long to start.
api_ready() { curl -fsS --max-time 60 --cacert "$conf/pki/ca.crt" --cert "$conf/pki/admin.crt" --key "$conf/pki/admin.key" "https://$1:6443/readyz"; }

# api_log: where the API server of the control plane's host writes.
api_log() {
  case $source in
    k3s) echo "$logs/k3s.log" ;;
    kubeadm) echo "$logs/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log" ;;
    *) echo "$logs/kube-apiserver.log" ;;
  esac
}

# The last lines of a service's log, for whoever reads the error.
tail_of() { tail -n 5 "$logs/$1.log" 2>/dev/null | cut -c 1-300 >&2 || true; }

# Fails with the last words of a service that was started here and has ended.
all_run() {
  for one in $started; do
    running "$one" && continue
    tail_of "$one"
    fail "$one ended" "its log is $logs/$one.log on the host: is a port taken, or something missing? ss -tlnp there tells who listens"
  done
}

# wait_for SECONDS NAME WHAT COMMAND…: like wait_until. A service that was started here and has ended is told at once; a failure shows the
# end of the log of that service, or of NAME.
wait_for() {
  deadline=$(($(date +%s) + $1 * $(patience))) service=$2 what=$3
  # Where every program takes seconds, asking is what keeps the host from getting ready.
  if [ "$(patience)" = 1 ]; then pause=0.2; else pause=3; fi
  shift 3
  until "$@" >/dev/null 2>&1; do
    all_run
    if [ "$(date +%s)" -ge "$deadline" ]; then
      tail_of "$service"
      fail "no sign of $what" "its log is $logs/$service.log on the host"
    fi
    sleep $pause
  done
}
