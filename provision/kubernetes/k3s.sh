# shellcheck shell=sh disable=SC2154 # names.sh, which sources it where Kubernetes comes from k3s
# k3s is a control plane, a kubelet and a kube-proxy in one service. It gets the containerd and the network of pods that nodes have anyway
# (runtime.sh), and brings nothing of its own into the cluster.

# k3s_settings NODE ADDRESS: what both kinds of host are told.
k3s_settings() {
  cat <<END
node-name: "$1"
node-ip: "$2"
data-dir: "$state/k3s"
container-runtime-endpoint: "unix://$socket"
kubelet-arg:
  - "address=$2"
  - "root-dir=$state/kubelet"
  - "cgroup-driver=cgroupfs"
  - "fail-swap-on=false"
  - "eviction-hard=memory.available<100Mi,nodefs.available<2%,imagefs.available<2%"
  - "image-gc-high-threshold=100"
  - "minimum-image-ttl-duration=24h"
kube-proxy-arg:
  - "proxy-mode=iptables"
  - "conntrack-max-per-core=0"
  - "conntrack-tcp-timeout-established=0s"
  - "conntrack-tcp-timeout-close-wait=0s"
  - "conntrack-tcp-be-liberal=true"
END
}

# k3s_server_settings NODE ADDRESS: the same of the host with the control plane.
k3s_server_settings() {
  k3s_settings "$1" "$2"
  cat <<END
bind-address: "$2"
advertise-address: "$2"
tls-san: ["$2"]
token-file: "$conf/pki/token"
write-kubeconfig: "$conf/k3s-client.conf"
write-kubeconfig-mode: "600"
cluster-cidr: "10.244.0.0/16"
service-cidr: "$services"
flannel-backend: none
disable-network-policy: true
disable-helm-controller: true
disable: [coredns, servicelb, traefik, local-storage, metrics-server]
END
}

# k3s_password: k3s knows a node again by this, also one that was made anew.
k3s_password() {
  mkdir -p /etc/rancher/node
  [ -s /etc/rancher/node/password ] || install -m 0600 "$conf/node/password" /etc/rancher/node/password
}

# Whether the API answers whoever administers the cluster, at the address that it has for others.
k3s_answers() {
  [ -s "$conf/k3s-client.conf" ] || return 1
  sed "s#server: .*#server: https://$(cat "$conf/address"):6443#" "$conf/k3s-client.conf" >"$conf/client.conf"
  kubectl get --raw=/readyz
}
