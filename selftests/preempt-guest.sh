#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Run by selftests/unit/test_preempt.sh in a VM whose kernel is fully preemptible and
# has no bpf in lsm=, on one CPU: a hook is skipped there while another task is
# preempted in it. Prints NAME=VALUE lines.
set -u

PATH=$BUILD:$BUILD/selftests:$PATH
ip link set lo up
ip addr add 203.0.113.8/32 dev lo
cat >/tmp/policy.yaml <<'EOF'
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["203.0.113.7"]
EOF

heard() {
	python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.8", 9999))
s.settimeout(0.5)
n, end = 0, time.time() + float(__import__("sys").argv[1])
while time.time() < end:
    try:
        s.recv(64)
        n += 1
    except TimeoutError:
        pass
print("heard=%d" % n)' "$1"
}

# Without kntrl the datagrams arrive.
heard 3 >/tmp/before &
sleep 1
hammer 203.0.113.8 9999 1 2 >/dev/null
wait
sed 's/^heard/heard_without/' /tmp/before

kntrl-load /tmp/policy.yaml 2>/tmp/refusal
echo "status=$?"
grep -q preempt /tmp/refusal && echo refusal=named
kntrl-load --accept-preempt /tmp/policy.yaml 2>/dev/null
echo "accepted=$?"
heard 6 >/tmp/after &
sleep 1
hammer 203.0.113.8 9999 4 8 | awk '{ print "tried=" $1; print "done=" $2 }'
wait
cat /tmp/after
kntrl report 2>&1 | grep -o 'skipped.*\|recursion.*' | sed 's/^/report=/' | head -1
kntrl-load --unload
