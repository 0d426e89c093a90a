#!/bin/sh
# Makes this host, whose runtime is there, a node of the cluster: kubelet and kube-proxy. Idempotent.
#   node.sh NAME ADDRESS CONTROL      CONTROL: address of the control plane's host
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
node=$1 address=$2 control=$3
mine=$conf/node
if [ "$source" = k3s ]; then
  service=k3s node_conf=$state/k3s/agent/kubelet.kubeconfig
  # That of the control plane's host is a part of its server.
  if [ "$address" != "$control" ]; then
    k3s_password
    k3s_settings "$node" "$address" >"$conf/k3s.yaml"
    start k3s "$kube" agent --config "$conf/k3s.yaml" --server "https://$control:6443" --token-file "$mine/token"
  fi
else
  service=kubelet node_conf=$mine/kubelet.conf
  keep "$conf/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: $mine/ca.crt } }
authorization: { mode: Webhook }
tlsCertFile: $mine/kubelet.crt
tlsPrivateKeyFile: $mine/kubelet.key
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
  start kubelet env PATH="$home/bin:$PATH" "$kube" kubelet --config="$conf/kubelet.yaml" --kubeconfig="$mine/kubelet.conf" \
    --hostname-override="$node" --node-ip="$address" --root-dir="$state/kubelet"
  keep "$conf/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: $node
clientConnection: { kubeconfig: $mine/kube-proxy.conf }
clusterCIDR: 10.244.0.0/16
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
# Limits of connections belong to the kernel, which hosts share.
conntrack: { maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
END
  start kube-proxy "$kube" kube-proxy --config="$conf/kube-proxy.yaml"
fi
is_ready() {
  [ "$("$kube" kubectl --kubeconfig "$node_conf" get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
wait_for 120 "$service" "a node $node that is Ready" is_ready
