#!/bin/sh
# kubeadm, kubelet and kubectl out of the packages of the Kubernetes project, on the machine that the tool runs on; nothing is installed there.
#   fetch-kubeadm.sh VERSION FOLDER     VERSION: v1.34.4
set -eu
version=${1#v} folder=$2
repository=https://pkgs.k8s.io/core:/stable:/v${version%.*}/deb
signer=DE15B14486CD377B9E876E1A234654DA9A296436 # whoever signs the releases of the project
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
fail() {
  printf '%s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}
otherwise='kubeadm: { folder: … } in the testbed file takes the programs from this machine; sources: { kubernetes: modules } builds Kubernetes with Go'
for program in apt-get gpg dpkg-deb; do
  command -v "$program" >/dev/null || fail "the packages of Kubernetes need $program, which this machine lacks" "apt-get install $program, or $otherwise"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work" # apt downloads as another user
mkdir -p "$work/lists/partial" "$work/archives/partial"
cd "$work"
/usr/lib/apt/apt-helper download-file "$repository/Release.key" key.asc >&2 || fail "$repository/Release.key cannot be downloaded" "$otherwise"
keys=$(gpg --homedir "$work" --batch --quiet --show-keys --with-colons key.asc 2>/dev/null | awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }')
[ "$keys" = "$signer" ] ||
  fail "the key at $repository/Release.key is not the one that was expected, whose fingerprint is $signer" "$otherwise"
echo "deb [signed-by=$work/key.asc] $repository/ /" >sources.list
apt() {
  apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work" -o APT::Update::Error-Mode=any "$@" >&2
}
apt update || fail "the package repository $repository cannot be read" "$otherwise"
apt download "kubeadm=$version-*" "kubelet=$version-*" "kubectl=$version-*" || fail "there is no Kubernetes $version at $repository" "$otherwise"
for package in *.deb; do dpkg-deb -x "$package" root; done
install -m 0755 -t "$folder" root/usr/bin/kubeadm root/usr/bin/kubelet root/usr/bin/kubectl
