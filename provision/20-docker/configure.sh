#!/bin/sh
# After every boot: waits for the engine and joins it to the service network, where a workload keeps one address and MAC
# whichever host it runs on. Each host's engine has another gateway address in the same subnet.
#   TESTBED_SERVICE_SUBNET, TESTBED_SERVICE_ADDRESS (of this host), set by the tool
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
wait_until 30 'the Docker engine' docker version
docker network inspect svc >/dev/null 2>&1 ||
  docker network create --driver bridge --subnet "$TESTBED_SERVICE_SUBNET" --gateway "$TESTBED_SERVICE_ADDRESS" \
    --opt com.docker.network.bridge.name=svc0 --label migration-testbed=network svc
