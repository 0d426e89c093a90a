#!/bin/sh
# Starts the control plane on this host, and waits until it is ready. Idempotent; a control plane that runs is left as it is.
#   control.sh NAME ADDRESS      of this host, which the API server answers at; nothing else listens beyond this host
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
node=$1 address=$2
pki=$conf/pki
if [ "$source" = k3s ]; then
  echo "$address" >"$conf/address"
  k3s_password
  k3s_server_settings "$node" "$address" >"$conf/k3s.yaml"
  sh "$here/manager.sh"
elif [ "$source" = kubeadm ]; then
  kubeadm_control "$node" "$address"
else
  mkdir -p "$state/etcd"
  chmod 0700 "$state/etcd"
  start etcd /usr/bin/etcd --name testbed --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 \
    --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster testbed=http://127.0.0.1:2380
  start kube-apiserver "$kube" kube-apiserver --advertise-address="$address" --bind-address="$address" --secure-port=6443 \
    --etcd-servers=http://127.0.0.1:2379 --allow-privileged --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --anonymous-auth=false \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" \
    --kubelet-client-key="$pki/apiserver-kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-cluster-ip-range="$services" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --proxy-client-cert-file="$pki/front-proxy-client.crt" \
    --proxy-client-key-file="$pki/front-proxy-client.key" --requestheader-allowed-names=front-proxy-client \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User
  wait_for 120 kube-apiserver 'the API server' api_ready "$address"
  # It gives up when what it reads first is not there yet, so it comes after.
  sh "$here/manager.sh"
  scheduler=$conf/scheduler.conf
  start kube-scheduler "$kube" kube-scheduler --kubeconfig="$scheduler" --authentication-kubeconfig="$scheduler" \
    --authorization-kubeconfig="$scheduler" --bind-address=127.0.0.1 --leader-elect=false
  # Nodes proxy for services in the name of kube-proxy.
  kubectl get clusterrolebinding testbed:kube-proxy >/dev/null 2>&1 ||
    kubectl create clusterrolebinding testbed:kube-proxy --clusterrole=system:node-proxier --user=system:kube-proxy >/dev/null
fi
# Images of workloads and of checkpoints.
keep "$conf/registry.yaml" <<END
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $state/registry }, delete: { enabled: true } }
http: { addr: "$(registry_of "$address")", tls: { certificate: $pki/registry.crt, key: $pki/registry.key } }
END
start registry docker-registry serve "$conf/registry.yaml"
wait_for 20 registry 'the registry' curl -fsS --cacert "$pki/ca.crt" "https://$(registry_of "$address")/v2/"
# See runc-restore.sh.
kubectl apply -f - >/dev/null <<END
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: testbed-restore }
handler: restore
END
