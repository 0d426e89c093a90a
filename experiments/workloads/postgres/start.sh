#!/bin/sh
# Makes a cluster at the first start, with the database and the table that the client adds rows to, and becomes its server.
# A cluster that is there is only started. The server recovers from a crash by itself, and knows a postmaster.pid that is left
# over: in a container it names the server's own process, or one that is not the user's.
# It is made by the user postgres. The server's processes are root's, and PostgreSQL, which refuses that, is told by uid_wrapper that they
# are that user's: another user's processes CRIU dumps only for a root with CAP_SYS_RESOURCE, which not every host has.
#   start.sh        (as root)
set -eu

folder=/var/lib/testbed/postgres
data=$folder/data
new=$folder/data.new
programs=/usr/lib/postgresql/17/bin
settings=/etc/testbed/postgresql.conf

as_postgres() {
  setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

# Runs what it is given on stdin, one statement a line, on a server of its own that nobody can connect to.
run_sql() {
  as_postgres "$programs/postgres" --single -D "$new" -c "config_file=$settings" -c exit_on_error=on "$1" >/dev/null
}

mkdir -p "$folder"
chmod 755 "$folder" # or postgres would not come to what is its own in it
if [ ! -d "$data" ]; then
  # Only what is finished takes its name: a first start that was killed is begun again.
  rm -rf "$new"
  install -d -o postgres -g postgres -m 700 "$new"
  as_postgres "$programs/initdb" -D "$new" --username=testbed --auth=trust --data-checksums \
    --locale=C --encoding=UTF8 >&2
  echo 'host all all all trust' >>"$new/pg_hba.conf"
  echo 'CREATE DATABASE testbed' | run_sql postgres
  echo 'CREATE TABLE probe (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)' | run_sql testbed
  sync "$new/pg_hba.conf" "$new" # the server has written all else to the disk itself
  mv "$new" "$data"
  sync "$folder"
fi

uid=$(id -u postgres) gid=$(id -g postgres)
exec env LD_PRELOAD=libuid_wrapper.so UID_WRAPPER=1 \
  UID_WRAPPER_INITIAL_RUID="$uid" UID_WRAPPER_INITIAL_EUID="$uid" UID_WRAPPER_INITIAL_SUID="$uid" \
  UID_WRAPPER_INITIAL_RGID="$gid" UID_WRAPPER_INITIAL_EGID="$gid" UID_WRAPPER_INITIAL_SGID="$gid" \
  "$programs/postgres" -D "$data" -c "config_file=$settings"
