#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# raw_sockets: block, monitor and allow, who is exempt from it, sockets that were made
# before the load, and the families that no rule can judge.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

to4=203.0.113.8 to6=2001:db8:8::1 ok4=203.0.113.7 ok6=2001:db8:7::1 port=7300
R=/run/selftest
mkdir "$R"
defer "rm -rf $R"
cp "$bin/rawby" "$R/rawby"

# policy MODE LINE...
policy() {
	cat >"$T/policy.yaml" <<EOT
version: "1"
mode: $1
rules:
  network:
    allowed_ips: ["$ok4", "$ok6"]
EOT
	shift
	for line; do
		echo "    $line" >>"$T/policy.yaml"
	done
	ok "loads: $*" load "$T/policy.yaml"
}

# try_raw PHASE PROGRAM denied|allowed [TECHNIQUE...]: tells for each technique and family
# whether its token came, and the errno, in $T/outcome.
try_raw() {
	phase=$1 program=$2 where=$3
	shift 3
	: >"$T/recvd"
	rm -f "$T/$phase.results"
	if [ "$where" = denied ]; then
		set -- "$to4" "$to6" "$ok4" "$ok6" "$port" "$@"
	else
		set -- "$ok4" "$ok6" "$ok4" "$ok6" "$port" "$@"
	fi
	"$program" "$phase" "$@" >"$T/$phase.results" || return 1
	wait_for 5 grep -q "got udp $port KT.$phase.done" "$T/recvd" || return 1
	awk '
	NR == FNR { if ($1 == "pkt") came[$3] = 1; next }
	{ print $1, $2, (("KT[" phase "." $1 "." $2 "]") in came) ? "arrived" : "nothing", $5 }
	' phase="$phase" "$T/recvd" "$T/$phase.results" >"$T/outcome"
	[ -s "$T/outcome" ]
}

# The techniques with another outcome than EXPECTED ("arrived 0").
but() {
	grep -v " $1\$" "$T/outcome"
}

every() {
	is "$(but "$2")" '' "$1"
}

ok 'addresses' addr_add $to4 $to6 $ok4 $ok6
ok 'unprivileged ping' sysctl -q -w net.ipv4.ping_group_range='0 2147483647'
ok 'the other side' start_recvd udp:$port-$((port + 19))

ok 'without kntrl' try_raw base "$bin/rawby" denied
every 'every technique works' 'arrived 0'

# Made before the load, used after it.
cat >"$T/early.py" <<'PYTHON'
import errno, socket, struct, sys

ok, to = sys.argv[1:3]
def header(proto, payload):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0,
                       socket.inet_aton(ok), socket.inet_aton(to)) + payload
def icmp(kind, token):
    data = struct.pack("!BBHHH", kind, 0, 0, 1, 1) + token
    total = sum(struct.unpack("!%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    total = (total & 0xffff) + (total >> 16)
    total += total >> 16
    return data[:2] + struct.pack("!H", ~total & 0xffff) + data[4:]
def udp(token):
    return struct.pack("!HHHH", 9, 7300, 8 + len(token), 0) + token
def bare(token):
    option = (b"\xfd" + bytes([len(token) + 2]) + token).ljust(40, b"\0")
    return struct.pack("!HHIIBBHHH", 9, 7300, 0, 0, 15 << 4, 0x10, 1000, 0, 0) + option

ping = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
header_raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
packet = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
print("ready", flush=True)
sys.stdin.readline()

def attempt(name, sock, data, addr):
    try:
        sock.sendto(data, addr)
        print(name, "0", flush=True)
    except OSError as e:
        print(name, errno.errorcode[e.errno], flush=True)

attempt("ping", ping, icmp(8, b"KT[early.ping]"), (to, 0))
attempt("raw", raw, icmp(8, b"KT[early.raw]"), (to, 0))
attempt("raw-reply", raw, icmp(0, b"KT[early.raw-reply]"), (to, 0))
attempt("header", header_raw, header(17, udp(b"KT[early.header]")), (to, 0))
attempt("other-udp", header_raw, header(17, udp(b"KT[early.other-udp]")), (ok, 0))
attempt("other-reply", header_raw, header(1, icmp(0, b"KT[early.other-reply]")), (ok, 0))
attempt("other-bare", header_raw, header(6, bare(b"KT[early.other-bare]")), (ok, 0))
attempt("packet", packet, header(17, udp(b"KT[early.packet]")), ("lo", 0x800, 0, 0, b"\0" * 6))
PYTHON
early() {
	: >"$T/recvd"
	echo >&9
	wait_for 10 grep -q '^packet' "$T/early"
	sleep 0.2
	grep -o 'pkt .*KT.early[^]]*' "$T/recvd" | sort -u
}
early_start() {
	rm -f "$T/pipe"
	mkfifo "$T/pipe"
	python3 "$T/early.py" "$ok4" "$to4" <"$T/pipe" >"$T/early" 2>&1 &
	early=$!
	exec 9>"$T/pipe"
	wait_for 10 grep -q ready "$T/early"
}
ok 'sockets without kntrl' early_start
is "$(early | grep -c $to4)" 8 'every one of them sends'
exec 9>&-
wait "$early"
ok 'sockets from before the load' early_start

# ---- block ----

policy trace 'raw_sockets: block'
is "$(early)" '' 'sockets from before the load send nothing to a denied address'
unlike "$(cat "$T/early")" ' 0$' 'and are told so'
exec 9>&-
wait "$early"
ok 'allowed address' try_raw block "$bin/rawby" allowed
every 'block: not even to an allowed address' 'nothing EPERM'
like "$(flows | grep AF_PACKET/SOCK_RAW | head -n 50)" \
	'"proto":"socket","daddr":"raw socket AF_PACKET/SOCK_RAW".*"denied":true' 'block: is reported'

# ---- exempt ----

policy trace 'raw_sockets: block' "raw_sockets_exempt: [$R/rawby]"
ok 'another program' try_raw other "$bin/rawby" allowed
every 'exempt: not another program of that name' 'nothing EPERM'
ok 'the exempt program' try_raw exempt "$R/rawby" allowed
every 'exempt: may make them' 'arrived 0'
ok 'the exempt program elsewhere' try_raw elsewhere "$R/rawby" denied ping-socket ping-connect \
	raw-icmp raw-connect raw-udp raw-unspec header-tcp header-udp header-other-udp
every 'exempt: is still held to addresses' 'nothing EPERM'

# ---- allow ----

policy trace 'raw_sockets: allow'
ok 'allowed address' try_raw allow "$bin/rawby" allowed
every 'allow: works' 'arrived 0'
ok 'denied address' try_raw away "$bin/rawby" denied ping-socket ping-connect raw-icmp \
	raw-connect raw-udp raw-unspec header-tcp header-udp header-other-udp
every 'allow: addresses count' 'nothing EPERM'

# ---- monitor ----

policy trace 'raw_sockets: monitor'
ok 'allowed address' try_raw watch "$bin/rawby" allowed
every 'monitor: works' 'arrived 0'
like "$(flows | grep 'AF_INET/SOCK_RAW.*"block".*"denied":false')" \
	'"daddr":"raw socket AF_INET/SOCK_RAW".*"policy":"block".*"denied":false' 'monitor: is reported'
ok 'unloads' unload
policy monitor
ok 'denied address' try_raw monitor "$bin/rawby" denied
every 'monitor mode: all works' 'arrived 0'
like "$(flows | grep AF_PACKET/SOCK_RAW | head -n 50)" \
	'"daddr":"raw socket AF_PACKET/SOCK_RAW".*"policy":"block".*"denied":false' 'monitor mode: is reported'
ok 'unloads' unload

# ---- What cannot be judged ----

cat >"$T/families.py" <<'PYTHON'
import errno, socket
kinds = {
    "tcp": (2, 1, 0), "udp": (2, 2, 0), "udplite": (2, 2, 136), "mptcp": (2, 1, 262),
    "tcp6": (10, 1, 6), "unix": (1, 1, 0), "unix-seqpacket": (1, 5, 0), "netlink": (16, 3, 0),
    "SOCK_PACKET": (2, 10, 0x300), "sctp": (2, 1, 132), "sctp6": (10, 5, 132), "l2tp": (2, 2, 115),
    "dccp": (2, 6, 33), "smc": (43, 1, 0), "vsock": (40, 1, 0), "alg": (38, 5, 0),
    "xdp": (44, 3, 0), "key": (15, 3, 2), "can": (29, 3, 1), "tipc": (30, 5, 0),
    "rxrpc": (33, 2, 2), "rds": (21, 5, 0), "bluetooth": (31, 3, 1), "raw-255": (2, 3, 255),
    "igmp": (2, 3, 2), "stream-udp": (2, 1, 17), "raw-tcp": (2, 3, 6),
}
for name, kind in kinds.items():
    try:
        socket.socket(*kind).close()
        print(name, "0")
    except OSError as e:
        print(name, errno.errorcode[e.errno])
try:
    socket.socketpair()
    print("socketpair 0")
except OSError as e:
    print("socketpair", errno.errorcode[e.errno])
PYTHON
policy trace
ok 'denied address' try_raw default "$bin/rawby" denied
every 'block is the default in trace mode' 'nothing EPERM'
families=$(python3 "$T/families.py")
judged='tcp udp udplite mptcp tcp6 unix unix-seqpacket netlink socketpair'
for name in $judged; do
	like "$families" "^$name 0\$" "$name can be judged, or needs not be"
done
is "$(echo "$families" | grep -v ' EPERM$' | cut -d' ' -f1 | sort | tr '\n' ' ')" \
	"$(echo "$judged" | tr ' ' '\n' | sort | tr '\n' ' ')" 'nothing else can be made'

done_testing
