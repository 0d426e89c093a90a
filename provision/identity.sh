#!/bin/sh
# Who this host is, a line each: its name, its machine id, what provisioning left as its mark (empty: nothing, or it was
# booted since), its interfaces with their addresses (JSON).
set -eu
uname -n
cat /etc/machine-id
cat /run/migration-testbed-provisioned 2>/dev/null || echo
ip -j address
