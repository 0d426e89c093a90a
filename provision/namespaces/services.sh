#!/bin/sh
# What a namespace host starts at boot, below its init (tini, which reaps): sshd, then the services that provisioning enabled.
/usr/sbin/sshd
for service in /etc/migration-testbed/services/*; do
  [ -x "$service" ] && setsid "$service" >>"/var/log/$(basename "$service").log" 2>&1 </dev/null &
done
exec sleep infinity
