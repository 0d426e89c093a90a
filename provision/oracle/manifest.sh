#!/bin/sh
# Describes a list of files that a container appends to, as sha256sum writes it, as JSON:
#   {"lines": HOW_MANY, "sha256": "OF ITS FIRST LINES", "broken": FILES, "first": "THE FIRST OF THEM"}
#   manifest.sh PID PATH [LINES]     LINES: the whole list when absent. With it every file of the list is read: BROKEN ones are not there,
#                                    or have other content. Names are relative to the folder of the list.
set -eu
pid=$1 path=$2
folder=/proc/$pid/root$(dirname "$path")
copy=$(mktemp) said=$(mktemp)
trap 'rm -f "$copy" "$said"' EXIT

lines=$(($(wc -l <"$folder/$(basename "$path")"))) # a line that is being written is none yet
head -n "$lines" "$folder/$(basename "$path")" >"$copy"
sha256=$(head -n "${3:-$lines}" "$copy" | sha256sum | cut -d ' ' -f 1)
broken=0 first=
if [ -n "${3:-}" ]; then
  (cd "$folder" && sha256sum --quiet --check "$copy") >"$said" 2>/dev/null || true
  broken=$(grep -c ': FAILED' "$said" || true)
  first=$(sed -n 's/: FAILED.*//p' "$said" | head -n 1 | tr -d '"\134')
fi
echo "{\"lines\": $lines, \"sha256\": \"$sha256\", \"broken\": $broken, \"first\": \"$first\"}"
