#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Packets that no hook has judged, or that go elsewhere than the hook was told: NAT,
# source routes, sockets from before the load; and what must pass all the same.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

dial=$bin/dial
ok4=203.0.113.7 to4=203.0.113.8 local4=10.9.9.9 meta=169.254.169.254
ok6=2001:db8:7::1 to6=2001:db8:8::1 local6=fd00:9::9

# The other host's programs: everything in this machine is under the policy, but for these.
R=/run/selftest
mkdir "$R"
defer "rm -rf $R"
cp "$(readlink -f /usr/bin/python3)" "$R/python3"
cp "$dial" "$R/dial"
cp "$(command -v ping)" "$R/ping" 2>/dev/null || cp "$(command -v busybox)" "$R/ping"

policy() {
	cat >"$T/policy.yaml" <<EOT
version: "1"
mode: trace
rules:
  exempt: [$R/python3, $R/dial, $R/ping]
  network:
    allowed_ips: [$1]
    allow_local_ranges: ${2:-false}
EOT
	ok "loads: ${1:-nothing allowed}" load "$T/policy.yaml"
}

# arrived ADDRESS: are there packets to it, with a token or asking for a connection?
arrived() {
	sleep 0.1
	grep -q -E "^(pkt|syn) $1 " "$T/recvd"
}

ok 'addresses' addr_add $ok4 $to4 $local4 $meta $ok6 $to6 $local6
ok 'settings' sysctl -q -w net.ipv4.conf.all.accept_source_route=1 \
	net.ipv4.conf.lo.accept_source_route=1 net.ipv6.conf.all.seg6_enabled=1 \
	net.ipv6.conf.lo.seg6_enabled=1
ok 'a listener' start_recvd tcp:7000-7029 udp:7000 udp:7100-7129

# ---- Another host, and sockets from before the load ----

ok 'another host' remote far 198.51.100.1/24 198.51.100.2/24 2001:db8:1::1/64 2001:db8:1::2/64
cat >"$T/far.py" <<'PYTHON'
import select, socket, sys

# Servers that say who speaks to them; and clients of the near side, on command.
tcp = socket.create_server(("198.51.100.2", 80))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("198.51.100.2", 80))
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp6.bind(("2001:db8:1::2", 80))
polled = [tcp, udp, udp6, sys.stdin]
print("ready", flush=True)
while True:
    for s in select.select(polled, [], [])[0]:
        if s is tcp:
            polled.append(tcp.accept()[0])
            print("connected", flush=True)
        elif s is sys.stdin:
            words = sys.stdin.readline().split()
            if not words:
                sys.exit()
            if words[0] == "udp":
                udp.sendto(b"hello", ("198.51.100.1", int(words[1])))
            elif words[0] == "udp6":
                udp6.sendto(b"hello", ("2001:db8:1::1", int(words[1])))
            elif words[0] == "tcp":
                with socket.socket() as c:
                    c.settimeout(3)
                    c.connect(("198.51.100.1", int(words[1])))
                    c.sendall(b"hello")
                    print("answered", c.recv(100).decode(), flush=True)
        else:
            data = s.recv(1000)
            if not data:
                polled.remove(s)
            for word in data.decode().split():
                print("heard", word, flush=True)
PYTHON
cat >"$T/near.py" <<'PYTHON'
import errno, os, socket, sys

def attempt(name, what):
    try:
        what()
        print(name, "0", flush=True)
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, e), flush=True)

far, far6 = ("198.51.100.2", 80), ("2001:db8:1::2", 80)
dgram = lambda family=socket.AF_INET: socket.socket(family, socket.SOCK_DGRAM)
stream = socket.create_connection(far)
connected, plain, corked, spliced = dgram(), dgram(), dgram(), dgram()
connected.connect(far)
spliced.connect(far)
corked.sendto(b"corked ", socket.MSG_MORE, far)
server, server6, listener = dgram(), dgram(socket.AF_INET6), socket.create_server(("198.51.100.1", 90))
server.bind(("198.51.100.1", 90))
server6.bind(("2001:db8:1::1", 90))
for s in (server, server6, listener):
    s.settimeout(3)
print("ready", flush=True)
for line in sys.stdin:
    what = line.split()[0]
    if what == "old":
        attempt("stream", lambda: stream.sendall(b"stream "))
        attempt("connected", lambda: connected.send(b"connected "))
        attempt("plain", lambda: plain.sendto(b"plain ", far))
        attempt("corked", lambda: corked.sendto(b"corked ", far))
        with open("/run/selftest-spliced", "rb") as f:
            attempt("spliced", lambda: os.sendfile(spliced.fileno(), f.fileno(), 0, 8))
        attempt("old", lambda: None)
    elif what == "start":
        attempt("start", lambda: server.sendto(b"start ", far))
        attempt("start6", lambda: server6.sendto(b"start6 ", far6))
    elif what == "answer":
        attempt("answer", lambda: server.sendto(b"answer ", server.recvfrom(100)[1]))
    elif what == "answer6":
        attempt("answer6", lambda: server6.sendto(b"answer6 ", server6.recvfrom(100)[1]))
    elif what == "other":
        attempt("other", lambda: dgram().sendto(b"other ", far))
    elif what == "accept":
        conn = listener.accept()[0]
        attempt("accept", lambda: conn.sendall(conn.recv(100)))
        conn.close()
PYTHON
printf 'spliced ' >/run/selftest-spliced
defer 'rm -f /run/selftest-spliced'
mkfifo "$T/far.in" "$T/near.in"
ip netns exec far "$R/python3" "$T/far.py" <"$T/far.in" >"$T/far" 2>&1 &
far=$!
exec 8>"$T/far.in"
ok 'servers there' wait_for 20 grep -q ready "$T/far"
python3 "$T/near.py" <"$T/near.in" >"$T/near" 2>&1 &
near=$!
exec 9>"$T/near.in"
defer "kill $far $near"
ok 'sockets here' wait_for 20 grep -q ready "$T/near"

# near WORD, far WORD...: a command, carried out when WORD is printed.
near() {
	kill -0 "$near" || return 1
	echo "$1" >&9
	wait_for 10 grep -q "^$1 " "$T/near" && sleep 0.2
}

policy ''
ok 'sockets from before the load are used' near old
is "$(grep -v -e ready "$T/near" | tr '\n' ' ')" \
	'stream 0 connected EPERM plain EPERM corked EPERM spliced EPERM old 0 ' \
	'a connection goes on, datagrams are refused'
is "$(grep heard "$T/far")" 'heard stream' 'and nothing else arrives'
like "$(flows)" '"proto":"udp","daddr":"198.51.100.2","dport":80,.*"denied":true' 'which is reported'

# ---- What others begin ----

near start
is "$(grep start "$T/near" | tr '\n' ' ')" 'start EPERM start6 EPERM ' 'a server may not begin'
echo 'udp 90' >&8
ok 'a server is asked' near answer
is "$(grep '^answer ' "$T/near")" 'answer 0' 'it may answer'
echo 'udp6 90' >&8
ok 'a server is asked over IPv6' near answer6
is "$(grep '^answer6 ' "$T/near")" 'answer6 0' 'it may answer over IPv6'
ok 'another socket' near other
is "$(grep '^other ' "$T/near")" 'other EPERM' 'another socket may not'
echo 'tcp 90' >&8
ok 'a connection is accepted' near accept
is "$(grep '^accept ' "$T/near")" 'accept 0' 'and answered'
is "$(grep -v -e ready -e connected "$T/far" | sort | tr '\n' ' ')" \
	'answered hello heard answer heard answer6 heard stream ' 'that is all that arrived'

# ---- What the kernel sends by itself ----

ip -6 neigh flush dev to-far
ok 'neighbours are found, whatever the policy' on far "$R/ping" -6 -c 1 -W 2 2001:db8:1::1
like "$(ip -6 neigh show dev to-far)" '2001:db8:1::2 .*(REACHABLE|STALE|DELAY)' 'so this host knows its'
ok 'pings are answered' on far "$R/ping" -c 1 -W 2 198.51.100.1
is "$(on far "$R/dial" 198.51.100.1 99)" ECONNREFUSED 'closed ports say so'
kill $far $near 2>/dev/null
exec 8>&- 9>&-

# ---- NAT ----

nft -f - <<EOT || bail 'nft'
table ip selftest {
	chain out {
		type nat hook output priority -100
		ip daddr $ok4 tcp dport 7001 dnat to $to4
		ip daddr $ok4 tcp dport 7002 dnat to $local4
		ip daddr $ok4 tcp dport 7003 dnat to 127.0.0.1
		ip daddr $ok4 tcp dport 7004 dnat to $meta
		ip daddr $ok4 tcp dport 7005 dnat to $ok4:7006
		ip daddr $to4 tcp dport 7007 dnat to $ok4
		ip daddr $ok4 udp dport 7101 dnat to $to4
		ip daddr $ok4 udp dport 7102 dnat to $local4
		ip daddr $ok4 udp dport 7104 dnat to $meta
		ip daddr 127.0.0.2 tcp dport 7008 dnat to $to4
		ip daddr 127.0.0.2 udp dport 7108 dnat to $to4
	}
}
table ip6 selftest {
	chain out {
		type nat hook output priority -100
		ip6 daddr $ok6 tcp dport 7001 dnat to $to6
		ip6 daddr $ok6 tcp dport 7002 dnat to $local6
		ip6 daddr $ok6 tcp dport 7003 dnat to ::1
	}
}
EOT
defer 'nft delete table ip selftest; nft delete table ip6 selftest'

# What each leads to: first without kntrl, so that it is known to lead there.
nat() {
	: >"$T/recvd"
	for port in 7001 7002 7003 7004 7005 7007; do
		asked=$ok4
		[ "$port" != 7007 ] || asked=$to4
		echo "$port $("$dial" $asked "$port")"
	done
	for port in 7001 7002 7003; do
		echo "$port v6 $("$dial" $ok6 $port)"
	done
	for port in 7101 7102 7104; do
		echo "$port $("$dial" -u $ok4 $port)"
	done
	echo "7008 $("$dial" 127.0.0.2 7008)"
	echo "7108 $("$dial" -u 127.0.0.2 7108)"
	sleep 0.2
}
ok 'unloads' unload
ok 'nothing is attached' wait_for 5 none_loaded
nat >"$T/nat"
is "$(grep -v ' ok$' "$T/nat")" '' 'without kntrl every rewrite works'
ok 'to the denied address' arrived $to4
ok 'to a local range' arrived $local4
ok 'to the metadata endpoint' arrived $meta
policy "$ok4, \"$ok6\""
nat >"$T/nat"
is "$(grep -e ' ok$' "$T/nat" | tr '\n' ' ')" \
	'7002 ok 7003 ok 7005 ok 7002 v6 ok 7003 v6 ok 7102 ok ' 'local rewrites pass, others do not'
is "$(grep -E "^(pkt|syn) ($to4|$to6|$meta) " "$T/recvd")" '' 'nothing arrives where it must not'
is "$(grep '^7007 ' "$T/nat")" '7007 EPERM' 'the address asked for counts as well'
ok 'it arrives in the local range' arrived $local4
like "$(flows)" '"pid":null.*"daddr":"'$meta'".*"denied":true' 'the metadata endpoint is reported'
like "$(flows)" '"pid":null.*"daddr":"'$to4'".*"denied":true' 'the denied address is reported'

# ---- Source routes by way of a local range: that is not NAT ----

routes="$local4 $local6 $ok4 $ok6"
via() {
	: >"$T/recvd"
	for technique in route-syn route-syn-port0 route-connect route-established; do
		# shellcheck disable=SC2086 # words are meant
		"$bin/tcpby" via $routes 7000 $technique
	done
	for technique in udp-route udp-route-control; do
		# shellcheck disable=SC2086 # words are meant
		"$bin/udpby" via $routes 7100 $technique
	done
	sleep 0.1
}
nft flush chain ip selftest out
nft flush chain ip6 selftest out
via >"$T/via"
is "$(grep -E "^(pkt|syn) ($local4|$local6) " "$T/recvd")" '' 'source routes through a local range are refused'
ok 'unloads again' unload
ok 'nothing is attached again' wait_for 5 none_loaded
via >"$T/via"
ok 'though without kntrl they work' arrived $local4
ok 'over IPv6 too' arrived $local6

# ---- MPTCP's further subflows ----

cat >"$T/mptcp.py" <<'PYTHON'
import socket, sys, time
if sys.argv[1] == "serve":
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 7030))
    s.listen()
    print("ready", flush=True)
    conns = []
    while True:
        conns.append(s.accept()[0])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.settimeout(3)
s.connect((sys.argv[2], 7030))
for _ in range(5):
    s.sendall(b"KT[mptcp]")
    time.sleep(0.1)
print("ok")
PYTHON
# The server announces the denied address; clients connect there by themselves.
mptcp() {
	: >"$T/recvd"
	python3 "$T/mptcp.py" dial $ok4 | tail -n 1
}
background python3 "$T/mptcp.py" serve
ok 'an MPTCP server' wait_for 10 grep -q ready "$T/background.$jobs_started"
ip mptcp limits set subflow 2 add_addr_accepted 2
ip mptcp endpoint add $to4 dev lo signal
defer 'ip mptcp endpoint flush; ip mptcp limits set subflow 2 add_addr_accepted 0'
is "$(mptcp)" ok 'MPTCP without kntrl'
ok 'a subflow to the announced address' grep -q "^syn $to4 7030" "$T/recvd"
policy $ok4
is "$(mptcp)" ok 'MPTCP to an allowed address'
not_ok 'no subflow to an announced address that is denied' grep -q "$to4" "$T/recvd"

done_testing
