#!/bin/sh
# Makes the keys and certificates of a cluster, once: on the host of its control plane, which keeps those that sign. Prints nothing.
#   pki.sh ADDRESS NODE=ADDRESS…        ADDRESS: of the API server; one NODE=ADDRESS for each node
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
address=$1
shift
pki=$conf/pki
umask 077
mkdir -p "$pki" "$conf/nodes"

authority() { # authority NAME SUBJECT
  [ ! -e "$pki/$1.crt" ] || return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,digitalSignature,keyCertSign \
    -keyout "$pki/$1.key" -out "$pki/$1.new" 2>/dev/null
  mv "$pki/$1.new" "$pki/$1.crt"
}
# certificate NAME AUTHORITY SUBJECT USAGE [ALTERNATIVE NAMES]
certificate() {
  [ ! -e "$pki/$1.crt" ] || return 0
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" -keyout "$pki/$1.key" -out "$pki/$1.csr" 2>/dev/null
  {
    echo 'basicConstraints=critical,CA:FALSE'
    echo 'keyUsage=critical,digitalSignature,keyEncipherment'
    echo "extendedKeyUsage=$4"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"
  } >"$pki/$1.ext"
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/$2.crt" -CAkey "$pki/$2.key" -CAcreateserial -days 3650 -extfile "$pki/$1.ext" \
    -out "$pki/$1.new" 2>/dev/null
  mv "$pki/$1.new" "$pki/$1.crt"
  rm -f "$pki/$1.csr" "$pki/$1.ext"
}
# kubeconfig FILE CERTIFICATE
kubeconfig() {
  cat >"$1.new" <<END
apiVersion: v1
kind: Config
current-context: testbed
clusters: [{ name: testbed, cluster: { server: "https://$address:6443", certificate-authority-data: $(base64 -w 0 "$pki/ca.crt") } }]
users: [{ name: $2, user: { client-certificate-data: $(base64 -w 0 "$pki/$2.crt"), client-key-data: $(base64 -w 0 "$pki/$2.key") } }]
contexts: [{ name: testbed, context: { cluster: testbed, user: $2 } }]
END
  mv "$1.new" "$1"
}

authority ca kubernetes-ca
authority front-proxy-ca front-proxy-ca
for node; do [ "${node#*=}" != "$address" ] || control=${node%%=*}; done
certificate apiserver ca /CN=kube-apiserver serverAuth \
  "DNS:$control,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$first_service,IP:$address"
certificate apiserver-kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
certificate registry ca /CN=registry serverAuth "IP:$address"
certificate admin ca /O=system:masters/CN=kubernetes-admin clientAuth
certificate controller-manager ca /CN=system:kube-controller-manager clientAuth
certificate scheduler ca /CN=system:kube-scheduler clientAuth
certificate kube-proxy ca /CN=system:kube-proxy clientAuth
if [ ! -e "$pki/sa.key" ]; then
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$pki/sa.new" 2>/dev/null
  openssl pkey -in "$pki/sa.new" -pubout -out "$pki/sa.pub"
  mv "$pki/sa.new" "$pki/sa.key"
fi
[ -s "$pki/token" ] || openssl rand -hex 32 >"$pki/token"
kubeconfig "$conf/client.conf" admin
for name in controller-manager scheduler; do kubeconfig "$conf/$name.conf" "$name"; done

# Of each node what it needs, and nothing that signs.
for node; do
  name=${node%%=*} at=${node#*=}
  certificate "node-$name" ca "/O=system:nodes/CN=system:node:$name" clientAuth
  certificate "serving-$name" ca "/CN=$name" serverAuth "DNS:$name,IP:$at"
  folder=$conf/nodes/$name
  mkdir -p "$folder"
  kubeconfig "$folder/kubelet.conf" "node-$name"
  kubeconfig "$folder/kube-proxy.conf" kube-proxy
  cp "$pki/ca.crt" "$folder/ca.crt"
  cp "$pki/serving-$name.crt" "$folder/kubelet.crt"
  cp "$pki/serving-$name.key" "$folder/kubelet.key"
  cp "$pki/token" "$folder/token"
  [ -s "$folder/password" ] || openssl rand -hex 16 >"$folder/password"
done
