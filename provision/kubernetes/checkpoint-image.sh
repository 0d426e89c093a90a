#!/bin/sh
# Makes an image of the checkpoint that the kubelet of this node made of a pod, and puts it into the registry of the cluster, as
# migration-testbed/checkpoint:TAG. Prints how many bytes were sent. A container of it is restored from it, by containerd.
#   checkpoint-image.sh POD TAG
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
pod=$1 tag=$2
url=https://$(cat "$conf/registry")/v2/migration-testbed/checkpoint
set -- "$state/kubelet/checkpoints/checkpoint-${pod}_default-workload-"*.tar
[ -s "$1" ] || fail "the kubelet left no checkpoint of $pod" "ls $state/kubelet/checkpoints on the host"
layer=$1
sha() { printf 'sha256:%s' "$(sha256sum "$1" | cut -d ' ' -f 1)"; }
size() { stat -c %s "$1"; }
send() { curl -fsS --cacert "$trusted" "$@"; }
# put FILE DIGEST: one request to begin, one with all of it.
put() {
  place=$(send -X POST -o /dev/null -D - "$url/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  case $place in *\?*) place="$place&digest=$2" ;; *) place="$place?digest=$2" ;; esac
  send -T "$1" -H 'Content-Type: application/octet-stream' "$place"
}
digest=$(sha "$layer")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["%s"]}}' "$(dpkg --print-architecture)" "$digest" >"$work/config"
config=$(sha "$work/config")
put "$layer" "$digest"
put "$work/config" "$config"
cat >"$work/manifest" <<END
{ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": "$config", "size": $(size "$work/config") },
  "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "$digest", "size": $(size "$layer") }],
  "annotations": { "org.criu.checkpoint.container.name": "workload" } }
END
send -T "$work/manifest" -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' "$url/manifests/$tag"
size "$layer"
rm "$layer"
