#!/bin/sh
# On a host with Docker: the images that kubeadm asks for, one for all of them, out of programs that were built and of the host's own.
#   images.sh FOLDER      has kubeadm, kubelet (every part of Kubernetes in one) and etcd; images.tar is left there
set -eu
folder=$1
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.files"' EXIT
install -D -t "$root/usr/local/bin" "$folder/kubelet" "$folder/etcd"
for part in kube-apiserver kube-controller-manager kube-scheduler kube-proxy; do ln -s kubelet "$root/usr/local/bin/$part"; done
# What kube-proxy calls, and what that needs.
for program in sh iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore conntrack; do
  file=$(command -v "$program")
  echo "$file"
  ldd "$(readlink -f "$file")" | grep -o '/[^ ]*'
done | sort -u >"$root.files"
ls -d /usr/lib/*/xtables >>"$root.files"
tar -c -h -P -T "$root.files" | tar -x -C "$root"
first=
for image in $("$folder/kubeadm" config images list --kubernetes-version "$("$folder/kubeadm" version -o short)" | grep -E '/kube-|/etcd:'); do
  if [ -z "$first" ]; then
    first=$image
    tar -c -C "$root" . | docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$first" >/dev/null
  else
    docker tag "$first" "$image"
  fi
  set -- "$@" "$image"
done
shift
docker save -o "$folder/images.tar" "$@"
docker rmi "$@" >/dev/null
