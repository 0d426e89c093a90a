# shellcheck shell=sh disable=SC2034,SC2154 # it is there for others, and read from a record
# Sourced by the scripts beside it: where the copies of datasets are, and who may write to them.
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
store=/var/lib/migration-testbed/volumes # outlives a power failure of the host
mounts=/run/migration-testbed-volumes    # what is attached, by the dataset's name: gone when the host was off

# fail MESSAGE [HINT]
fail() {
  printf '%s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

# The record of a copy is its fence. Only one that says `primary`, of the epoch that its owner knows, is ever made writable; the
# epoch grows with every hand-off, so a copy that was left behind can be told from the one that is valid.
load_record() {
  [ -f "$store/$1/record" ] || fail "there is no copy of dataset $1"
  id=$1 home=
  # shellcheck disable=SC1090
  . "$store/$1/record"
}

# save_record ID: written whole or not at all, and on the disk before anything follows.
save_record() {
  printf 'name=%s\nback_end=%s\nsize=%s\nrole=%s\nepoch=%s\nhome=%s\n' "$name" "$back_end" "$size" "$role" "$epoch" "$home" >"$store/$1/record.new"
  sync "$store/$1/record.new"
  mv "$store/$1/record.new" "$store/$1/record"
  sync "$store/$1"
}

# Snapshots of back ends that have none of their own: whole copies below STORE/ID/kept.
# keep FOLDER NAME
keep() {
  mkdir -p "$store/$id/kept"
  [ ! -d "$store/$id/kept/$2" ] || return 0
  rm -rf "$store/$id/kept/$2.new"
  cp -a --reflink=auto "$1" "$store/$id/kept/$2.new"
  mv "$store/$id/kept/$2.new" "$store/$id/kept/$2"
}
kept() { [ ! -d "$store/$id/kept" ] || ls "$store/$id/kept"; }

free_bytes() { df -B1 --output=avail "$1" | tail -n 1 | tr -d ' '; }
