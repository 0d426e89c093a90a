# shellcheck shell=sh disable=SC2154 # names.sh, which sources it where Kubernetes comes with kubeadm
# kubeadm makes a control plane of pods that the kubelet of its host starts by itself, and lets the other hosts join. It gets the runtime and
# the network of pods that nodes have anyway (runtime.sh), and keys that pki.sh made where there are some.
kubeadm_conf=/etc/kubernetes
manager_pod=$kubeadm_conf/manifests/kube-controller-manager.yaml

# kubeadm_images PATTERN: those of the release that match, as the component was installed with them.
kubeadm_images() {
  for image in $("$home/bin/kubeadm" config images list --kubernetes-version "v$(cat "$home/version")" 2>/dev/null | grep -E "$1"); do
    ! $images images ls -q | grep -qxF "$image" || continue
    $images images import "$home/bin/images.tar" >/dev/null
    $images images ls -q | grep -qxF "$image" ||
      fail "images.tar lacks the image $image" 'kubeadm config images list names those that it has to hold'
  done
}

# kubeadm_run PART: `kubeadm PART` with the settings on standard input, unless it has succeeded on this host. Its checks of the host are
# told in its log, and do not stop it: hosts that share a kernel do not pass all of them, and the cluster is checked when it is there.
kubeadm_run() {
  cat >"$conf/kubeadm-$1.yaml"
  [ ! -e "$conf/kubeadm-$1.done" ] || return 0
  env PATH="$home/bin:$PATH" kubeadm "$1" --config "$conf/kubeadm-$1.yaml" --ignore-preflight-errors=all >>"$logs/kubeadm.log" 2>&1 || {
    all_run
    tail_of kubeadm
    fail "kubeadm $1 failed" "its log is $logs/kubeadm.log on the host, beside those of the kubelet and of pods"
  }
  touch "$conf/kubeadm-$1.done"
}

# kubeadm_registration NODE ADDRESS: what kubeadm is told of either kind of host.
kubeadm_registration() {
  cat <<END
nodeRegistration:
  name: "$1"
  criSocket: unix://$socket
  imagePullPolicy: IfNotPresent
  taints: []
  kubeletExtraArgs:
    - { name: address, value: "$2" }
    - { name: node-ip, value: "$2" }
    - { name: root-dir, value: $state/kubelet }
timeouts:
  controlPlaneComponentHealthCheck: $((240 * $(patience)))s
  kubeletHealthCheck: $((240 * $(patience)))s
  tlsBootstrap: $((300 * $(patience)))s
  discovery: $((300 * $(patience)))s
END
}

# As kubeadm wants them: of the secret that all hosts of the cluster have.
kubeadm_token() { sed 's/^\(.\{6\}\)\(.\{16\}\).*/\1.\2/' "$1"; }

# kubeadm_control NODE ADDRESS: the control plane, on this host.
kubeadm_control() {
  kubeadm_images '/kube-|/etcd:'
  start kubelet env PATH="$home/bin:$PATH" sh "$here/kubeadm-kubelet.sh" "$kubeadm_conf"
  {
    cat <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ token: "$(kubeadm_token "$conf/pki/token")", ttl: 0s }]
localAPIEndpoint: { advertiseAddress: $2, bindPort: 6443 }
skipPhases: [addon/coredns]
END
    kubeadm_registration "$1" "$2"
    cat <<END
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: testbed
kubernetesVersion: v$(cat "$home/version")
controlPlaneEndpoint: "$2:6443"
certificatesDir: $conf/pki
networking: { serviceSubnet: $services, dnsDomain: cluster.local }
apiServer:
  extraArgs: [{ name: bind-address, value: $2 }]
controllerManager:
  extraArgs: [{ name: leader-elect, value: "false" }]
scheduler:
  extraArgs: [{ name: leader-elect, value: "false" }]
etcd: { local: { dataDir: $state/etcd } }
---
END
    kubelet_settings "$2" | sed -E '/^(address|registerNode):/d'
    echo "podLogsDir: $logs/pods"
    echo ---
    kube_proxy_settings "$1" | sed -E '/^(hostnameOverride|clientConnection):/d'
  } | kubeadm_run init
  wait_for 120 kubelet 'the API server' api_ready "$2"
  sh "$here/manager.sh"
}

# kubeadm_join NODE ADDRESS CONTROL: a node of the control plane on another host.
kubeadm_join() {
  kubeadm_images /kube-proxy:
  start kubelet env PATH="$home/bin:$PATH" sh "$here/kubeadm-kubelet.sh" "$kubeadm_conf"
  signer=$(openssl x509 -in "$trusted" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1)
  {
    cat <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: "$3:6443"
    token: "$(kubeadm_token "$conf/node/token")"
    caCertHashes: ["sha256:$signer"]
END
    kubeadm_registration "$1" "$2"
  } | kubeadm_run join
}

# kubeadm_manages [ARGUMENT…]: whether the controller manager runs with exactly these.
kubeadm_manages() {
  manager=$(pgrep -o -f '^kube-controller-manager ') || return 1
  told=$(tr '\0' '\n' <"/proc/$manager/cmdline" | sed -n 's/^--node-monitor-/node-monitor-/p' | sort)
  [ "$told" = "$(printf '%s\n' "$@" | sort)" ]
}

# kubeadm_manager ARGUMENT…: lets the kubelet start the controller manager anew with these, of the form NAME=VALUE, beside those of kubeadm.
kubeadm_manager() {
  sed '/--node-monitor-/d' "$manager_pod" >"$conf/controller-manager.pod"
  for argument; do sed -i "s/^\( *\)- kube-controller-manager\$/&\n\1- --$argument/" "$conf/controller-manager.pod"; done
  cmp -s "$conf/controller-manager.pod" "$manager_pod" || mv "$conf/controller-manager.pod" "$manager_pod"
  wait_for 120 kubelet 'the controller manager' kubeadm_manages "$@"
}
