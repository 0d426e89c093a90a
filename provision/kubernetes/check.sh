#!/bin/sh
# Whether the cluster works: the API, every node, a pod on each, and a checkpoint of it by its kubelet. Runs on the host of the control plane, and
# leaves the addresses of the pods in a file; reach.sh asks them from every host, check-end.sh removes what is left.
#   check.sh NODE…
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"

# become_ready OBJECT…: whether it does in time. A kubectl that fails sooner, as where the API server has too much to do, is started again.
become_ready() {
  deadline=$(($(date +%s) + 120 * $(patience)))
  while :; do
    left=$((deadline - $(date +%s)))
    [ "$left" -gt 0 ] || break
    said=$(kubectl wait --for=condition=Ready --timeout="${left}s" "$@" 2>&1) && return
    sleep 1
  done
  echo "$said" | tail -n 2 >&2
  return 1
}

kubectl get --raw=/readyz >/dev/null 2>&1 || {
  # shellcheck disable=SC2046 # a pattern, with pods
  tail -q -n 5 $(api_log) 2>/dev/null | cut -c 1-300 >&2 || true
  fail 'the API server is not ready' "its log is $(api_log)"
}
for node; do
  become_ready "node/$node" || {
    kubectl get node "$node" -o jsonpath='{range .status.conditions[*]}{.type}={.status}: {.message}{"\n"}{end}' >&2 || true
    fail "node $node is not Ready" "the log of its kubelet is $logs/kubelet.log on that host"
  }
done
# Made by the controller manager; pods are refused before.
for space in default kube-system; do
  wait_for 60 kube-controller-manager 'service accounts' kubectl get serviceaccount default -n "$space"
done
kubectl delete pod -n kube-system -l migration-testbed=probe --ignore-not-found --grace-period=0 --force >/dev/null 2>&1 || true
for node; do
  cat <<END
---
apiVersion: v1
kind: Pod
metadata: { name: testbed-probe-$node, namespace: kube-system, labels: { migration-testbed: probe } }
spec:
  nodeName: $node
  automountServiceAccountToken: false
  dnsPolicy: Default # the cluster has none of its own
  terminationGracePeriodSeconds: 0
  tolerations: [{ operator: Exists }]
  containers:
    - name: probe
      image: localhost/migration-testbed-pause:1
      imagePullPolicy: Never
      args: [serve, "8080"]
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
END
done | kubectl apply -f - >/dev/null
for node; do
  become_ready -n kube-system "pod/testbed-probe-$node" || {
    kubectl get events -n kube-system --field-selector "involvedObject.name=testbed-probe-$node" -o jsonpath='{range .items[*]}{.message}{"\n"}{end}' |
      tail -n 4 >&2
    fail "no pod becomes ready on $node" "kubelet.log and containerd.log are in $logs on that host"
  }
  said=$(kubectl create --raw "/api/v1/nodes/$node/proxy/checkpoint/kube-system/testbed-probe-$node/probe" -f /dev/null 2>&1) || {
    echo "$said" | tail -n 3 >&2
    fail "the kubelet of $node makes no checkpoint" "kubelet.log and containerd.log are in $logs on that host"
  }
done
kubectl get pod -n kube-system -l migration-testbed=probe -o jsonpath='{range .items[*]}{.status.podIP}{"\n"}{end}' >"$conf/probes.new"
mv "$conf/probes.new" "$conf/probes"
