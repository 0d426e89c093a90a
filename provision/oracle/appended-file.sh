#!/bin/sh
# Describes a file of a container, as JSON: {"bytes": SIZE, "sha256": "OF ITS FIRST BYTES BYTES", "repeated": LINES}
# REPEATED counts the lines of the form "identity count" that are there more than once.
#   appended-file.sh PID PATH [BYTES]       BYTES: the whole file when absent
set -eu
pid=$1 path=$2

copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
# Opened from inside the container's root, where a link may be absolute; perl-base is essential on Debian and Ubuntu.
# shellcheck disable=SC2016 # the dollars are perl's
perl -e '
  chroot "/proc/$ARGV[0]/root" and chdir "/" or die "process $ARGV[0]: $!\n";
  open my $file, "<", $ARGV[1] or die "$ARGV[1]: $!\n";
  while (sysread $file, my $part, 1 << 20) { print $part or die "$!\n" }
' "$pid" "$path" >"$copy"

bytes=$(($(wc -c <"$copy")))
sha256=$(head -c "${3:-$bytes}" "$copy" | sha256sum | cut -d ' ' -f 1)
repeated=$(grep -a -E '^[^ ]+ [0-9]+$' "$copy" | sort | uniq -d | wc -l)
echo "{\"bytes\": $bytes, \"sha256\": \"$sha256\", \"repeated\": $((repeated))}"
