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
elif [ "$source" = kubeadm ]; then
  service=kubelet node_conf=$kubeadm_conf/kubelet.conf
  [ "$address" = "$control" ] || kubeadm_join "$node" "$address" "$control"
else
  service=kubelet node_conf=$mine/kubelet.conf
  kubelet_settings "$address" | keep "$conf/kubelet.yaml"
  start kubelet env PATH="$home/bin:$PATH" "$kube" kubelet --config="$conf/kubelet.yaml" --kubeconfig="$mine/kubelet.conf" \
    --hostname-override="$node" --node-ip="$address" --root-dir="$state/kubelet"
  kube_proxy_settings "$node" | keep "$conf/kube-proxy.yaml"
  start kube-proxy "$kube" kube-proxy --config="$conf/kube-proxy.yaml"
fi
# A node stays Ready for a while after its kubelet has ended: this one has to have its port, too.
is_ready() {
  listens "$service" 10250 &&
    [ "$("$kube" kubectl --kubeconfig "$node_conf" get node "$node" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
wait_for 120 "$service" "a node $node that is Ready" is_ready
# It is a pod with kubeadm.
[ "$source" = k3s ] || wait_for 120 kube-proxy 'kube-proxy' curl -fsS http://127.0.0.1:10256/healthz
