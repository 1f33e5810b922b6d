#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Port 53 is decided by the DNS rules alone, over UDP and TCP, loopback included: the
# servers of dns.allowed_servers, or else those of resolv.conf.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

dial=$bin/dial
server=203.0.113.53 server6=2001:db8:53::1 allowed=203.0.113.7 other=203.0.113.8

policy() {
	cat >"$T/policy.yaml"
	ok 'loads' load "$T/policy.yaml"
}

# answers WANT NAME ADDRESS PORT: over TCP and UDP, and from an IPv6 socket.
answers() {
	want=$1 name=$2
	shift 2
	is "$("$dial" "$@")/$("$dial" -u "$@")" "$want/$want" "$name"
}

ok 'addresses' addr_add $server $server6 $allowed $other
ok 'a listener' start_recvd tcp:53 udp:53 tcp:54 udp:54
for addr in $server $server6 $allowed $other 127.0.0.1 127.0.0.53 ::1; do
	answers ok "without kntrl: $addr" "$addr" 53
done

# ---- The servers of the policy ----

policy <<EOT
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["$allowed"]
  dns:
    allowed_servers: ["$server", "$server6"]
EOT
answers ok 'a listed server' $server 53
answers ok 'a listed server, IPv6' $server6 53
answers ok 'a listed server, IPv4-mapped' ::ffff:$server 53
answers EPERM 'a listed server, another port' $server 54
answers EPERM 'an allowed address is no server' $allowed 53
answers ok 'an allowed address, another port' $allowed 54
answers EPERM 'another address' $other 53
answers EPERM 'another address, IPv4-mapped' ::ffff:$other 53
answers EPERM 'loopback' 127.0.0.2 53
answers EPERM 'loopback, IPv6' ::1 53
answers EPERM 'the unspecified address, which is loopback' 0.0.0.0 53
answers EPERM 'the unspecified address, IPv6' :: 53
answers EPERM 'loopback, IPv4-mapped' ::ffff:127.0.0.2 53
answers ok 'loopback, another port' 127.0.0.2 54
like "$(flows | grep 127.0.0.2)" '"proto":"udp","daddr":"127.0.0.2","dport":53,.*"denied":true' \
	'loopback is reported'

# ---- The system's ----

echo "nameserver $other" >/etc/resolv.conf
policy <<EOT
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["$allowed"]
EOT
answers ok "resolv.conf's server" $other 53
answers EPERM 'another server' $server 53
answers EPERM 'loopback is none of them' 127.0.0.53 53
printf 'nameserver 127.0.0.53\nnameserver %s\n' $server6 >/etc/resolv.conf
answers ok 'a change of resolv.conf counts from the next load' $other 53
ok 'loads again' load "$T/policy.yaml"
answers EPERM 'no longer' $other 53
answers ok "resolv.conf's loopback server" 127.0.0.53 53
answers ok "resolv.conf's IPv6 server" $server6 53
answers EPERM 'another address of loopback' 127.0.0.1 53

# A loopback address in resolv.conf is a server whatever the list says.
policy <<EOT
version: "1"
mode: trace
rules:
  dns:
    allowed_servers: ["$server"]
EOT
answers ok 'the listed server' $server 53
answers ok "resolv.conf's loopback server all the same" 127.0.0.53 53
answers EPERM "resolv.conf's other server" $server6 53

# ---- Monitor ----

sed 's/mode: trace/mode: monitor/' "$T/policy.yaml" >"$T/monitor.yaml"
ok 'unloads' unload
ok 'loads in monitor mode' load "$T/monitor.yaml"
answers ok 'monitor: another server' $other 53
like "$(flows | grep $other)" '"dport":53,.*"policy":"block".*"denied":false' 'monitor: is reported'

done_testing
