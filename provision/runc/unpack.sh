#!/bin/sh
# Unpacks the layers of an image that Docker has, once: the folder of its ID then holds its root file system.
# (docker export would be shorter; Docker 26 leaves the container's file system mounted after it.)
#   unpack.sh IMAGE_ID FOLDER
set -eu
image=$1 folder=$2
[ ! -d "$folder" ] || exit 0
parts=$folder.parts building=$folder.building
rm -rf "$parts" "$building"
mkdir -p "$parts" "$building"
docker save "$image" | tar -x -C "$parts"
sed 's/.*"Layers":\[\([^]]*\)\].*/\1/' "$parts/manifest.json" | tr -d '" ' | tr ',' '\n' | while read -r layer || [ -n "$layer" ]; do
  # What a layer takes away from those below it (OCI image specification, layer.md).
  tar -t -f "$parts/$layer" | grep -E '(^|/)\.wh\.' | while read -r mark; do
    place=$building/$(dirname "$mark") name=$(basename "$mark")
    case $name in
      .wh..wh..opq) find "$place" -mindepth 1 -delete 2>/dev/null || true ;;
      *) rm -rf "${place:?}/${name#.wh.}" ;;
    esac
  done
  tar -x -f "$parts/$layer" --numeric-owner --xattrs --xattrs-include='*' --exclude='.wh.*' -C "$building"
done
rm -rf "$parts"
mv "$building" "$folder"
