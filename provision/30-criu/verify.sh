#!/bin/sh
# CRIU works when it dumps and restores a process here, with a socket: `criu check` alone passes versions that cannot.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
command -v criu >/dev/null || fail 'CRIU is not installed' 'run provision/30-criu/install.sh on the host'
command -v runc >/dev/null || fail 'runc is not installed' 'run provision/30-criu/install.sh on the host'

folder=/var/log/criu/verify
rm -rf "$folder"
mkdir -p "$folder"
setsid perl -MSocket -e '
  socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(0, INADDR_LOOPBACK)) && listen(S, 1) or die $!;
  open(F, ">", $ARGV[0]) && print(F $$) && close(F) or die $!;
  sleep 1 while 1' "$folder/pid" </dev/null >/dev/null 2>&1 &
wait_until 5 'the test process' test -s "$folder/pid"
pid=$(cat "$folder/pid")
trap 'kill -9 "$pid" 2>/dev/null || true' EXIT

criu dump --tree "$pid" --images-dir "$folder" --log-file dump.log -v2 ||
  fail "CRIU $(criu --version | sed -n 's/^Version: //p') cannot dump on kernel $(uname -r): $(grep -m1 Error "$folder/dump.log")" \
    'a newer CRIU may: provision/30-criu/install.sh tries every source it knows'
criu restore --restore-detached --images-dir "$folder" --log-file restore.log -v2 ||
  fail "CRIU $(criu --version | sed -n 's/^Version: //p') cannot restore on kernel $(uname -r): $(grep -m1 Error "$folder/restore.log")" \
    'a newer CRIU may: provision/30-criu/install.sh tries every source it knows'
kill -0 "$pid" || fail 'CRIU restored nothing' "see $folder/restore.log on the host"
