#!/bin/sh
# What a namespace host starts at boot, below its init (tini, which reaps): sshd, then the services that provisioning enabled.
/usr/sbin/sshd
for service in /etc/migration-testbed/services/*; do
  # In a subshell that ends at once: its parent is then the init, which reaps it, and not the sleep below, which would not.
  [ -x "$service" ] && (setsid "$service" >>"/var/log/$(basename "$service").log" 2>&1 </dev/null &)
done
exec sleep infinity
