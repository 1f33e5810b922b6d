# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# TAP and set-up helpers for the tests in this directory, which run as root in a
# throwaway VM. A test sources it, calls the checks below, and ends with
# done_testing: a file that does not reach that line has failed.
#
#	. selftests/vm/lib.sh
#	addr_add 203.0.113.7
#	listen tcp:203.0.113.7:443
#	ok 'loads' load "$T/policy.yaml"
#	not_ok 'is denied' connects 203.0.113.7 443
#	done_testing
#
# Addresses are those of RFC 5737 and RFC 3849, which belong to nobody.

: "${BUILD:?is the build directory}"
T=$(mktemp -d /tmp/selftest.XXXXXX)
tests=0 failures=0 deferred='' finished=''

# --- checks ----------------------------------------------------------------

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# result STATUS NAME: one test point. A "#" in a name would start a directive.
result() {
	tests=$((tests + 1))
	name=$(printf '%s' "$2" | tr '#\n' '  ')
	if [ "$1" = 0 ]; then
		echo "ok $tests - $name"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $tests - $name"
}

# Runs CMD in this shell, its output kept in $T/log and shown if it fails.
try() {
	status=0
	"$@" >"$T/log" 2>&1 || status=$?
}

# ok NAME CMD...: CMD succeeds.
ok() {
	name=$1
	shift
	try "$@"
	result "$status" "$name"
	[ "$status" = 0 ] || diag "status $status from: $*
$(tail -n 40 "$T/log")"
}

# not_ok NAME CMD...: CMD fails, by itself: not for want of it, nor by a signal.
not_ok() {
	name=$1
	shift
	try "$@"
	if [ "$status" -gt 0 ] && [ "$status" -lt 126 ]; then
		result 0 "$name"
		return
	fi
	result 1 "$name"
	diag "status $status from: $*
$(tail -n 40 "$T/log")"
}

# status_is WANT NAME CMD...: CMD exits with WANT.
status_is() {
	want=$1 name=$2
	shift 2
	try "$@"
	if [ "$status" = "$want" ]; then
		result 0 "$name"
		return
	fi
	result 1 "$name"
	diag "status $status, not $want, from: $*
$(tail -n 40 "$T/log")"
}

# is GOT WANT NAME
is() {
	if [ "$1" = "$2" ]; then
		result 0 "$3"
		return
	fi
	result 1 "$3"
	diag "got:  $1
want: $2"
}

# like GOT REGEX NAME: an extended regular expression matches a line of GOT.
like() {
	if printf '%s\n' "$1" | grep -q -E -e "$2"; then
		result 0 "$3"
		return
	fi
	result 1 "$3"
	diag "got:      $1
no match: $2"
}

# unlike GOT REGEX NAME
unlike() {
	if ! printf '%s\n' "$1" | grep -q -E -e "$2"; then
		result 0 "$3"
		return
	fi
	result 1 "$3"
	diag "got:   $1
match: $2"
}

# skip NAME REASON: counts as a failure unless selftests/skips.allow names it.
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

bail() {
	echo "Bail out! $*"
	exit 1
}

done_testing() {
	echo "1..$tests"
	finished=1
	[ "$failures" = 0 ] || exit 1
	exit 0
}

# --- clean-up --------------------------------------------------------------

# defer COMMAND-LINE: run at the end, however it ends; last first.
defer() {
	deferred="$1
$deferred"
}

clean_up() {
	status=$?
	trap - EXIT
	set +e
	eval "$deferred" >/dev/null 2>&1
	rm -rf "$T"
	if [ -z "$finished" ]; then
		echo "# ended before done_testing, with status $status"
		[ "$status" != 0 ] || status=1
	fi
	exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- processes -------------------------------------------------------------

# background CMD...: until the end of the test. Its output is in $T/background.N;
# its process is $background.
jobs_started=0
background() {
	jobs_started=$((jobs_started + 1))
	"$@" >"$T/background.$jobs_started" 2>&1 </dev/null &
	background=$!
	defer "kill $background; wait $background"
}

# wait_for SECONDS CMD...: until CMD succeeds.
wait_for() {
	tries=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# --- the network -----------------------------------------------------------

# addr_add ADDRESS...: as addresses of lo.
addr_add() {
	for addr; do
		case $addr in
		*:*)
			ip -6 addr add "$addr/128" dev lo nodad || return 1
			defer "ip -6 addr del $addr/128 dev lo"
			;;
		*)
			ip addr add "$addr/32" dev lo || return 1
			defer "ip addr del $addr/32 dev lo"
			;;
		esac
	done
}

# remote NAME ADDRESS/LENGTH REMOTE-ADDRESS/LENGTH [same for IPv6...]: another host,
# in a network namespace of that name, at the far end of a veth pair.
remote() {
	ns=$1
	shift
	ip netns add "$ns" || return 1
	defer "ip netns del $ns"
	ip link add "to-$ns" type veth peer name eth0 netns "$ns" || return 1
	defer "ip link del to-$ns"
	while [ $# -ge 2 ]; do
		nodad=
		case $1 in
		*:*) nodad=nodad ;;
		esac
		ip addr add "$1" dev "to-$ns" $nodad || return 1
		ip -n "$ns" addr add "$2" dev eth0 $nodad || return 1
		shift 2
	done
	ip link set "to-$ns" up
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
	wait_for 5 link_is_up "to-$ns"
}

link_is_up() {
	ip link show dev "$1" | grep -q LOWER_UP
}

# on NAME CMD...: as that other host.
on() {
	ns=$1
	shift
	ip netns exec "$ns" "$@"
}

# An echo server for every argument, PROTOCOL:ADDRESS:PORT, with tcp or udp for
# PROTOCOL and an IPv6 address in brackets. On stdout it tells what it hears:
#	tcp 203.0.113.7:443 open|data|close BYTES-SO-FAR
#	udp 203.0.113.7:53 data BYTES
write_echo_server() {
	cat >"$T/echo.py" <<'PYTHON'
import selectors, socket, sys

sel = selectors.DefaultSelector()

def tell(*words):
    print(*words, flush=True)

def on_datagram(sock, spec):
    data, peer = sock.recvfrom(65536)
    tell("udp", spec, "data", len(data))
    sock.sendto(data, peer)

def on_connection(sock, spec):
    conn, _ = sock.accept()
    heard = 0
    tell("tcp", spec, "open", 0)

    def on_stream(conn, spec):
        nonlocal heard
        try:
            data = conn.recv(65536)
        except OSError:
            data = b""
        heard += len(data)
        tell("tcp", spec, "data" if data else "close", heard)
        try:
            if data:
                conn.sendall(data)
                return
        except OSError:
            pass
        sel.unregister(conn)
        conn.close()

    sel.register(conn, selectors.EVENT_READ, (on_stream, spec))

for arg in sys.argv[1:]:
    proto, spec = arg.split(":", 1)
    addr, port = spec.rsplit(":", 1)
    addr = addr.strip("[]")
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((addr, int(port)))
    if proto == "tcp":
        sock.listen(64)
    sel.register(sock, selectors.EVENT_READ,
                 (on_connection if proto == "tcp" else on_datagram, spec))

tell("ready")
while True:
    for key, _ in sel.select():
        handler, spec = key.data
        handler(key.fileobj, spec)
PYTHON
}

# listen PROTOCOL:ADDRESS:PORT...: here, until the end. $heard names the file of
# what it hears.
listen() {
	start_listener python3 "$T/echo.py" "$@"
}

# listen_on NAME PROTOCOL:ADDRESS:PORT...: on that other host.
listen_on() {
	ns=$1
	shift
	start_listener ip netns exec "$ns" python3 "$T/echo.py" "$@"
}

start_listener() {
	write_echo_server
	background "$@"
	heard=$T/background.$jobs_started
	wait_for 20 grep -q ready "$heard" || {
		diag "no listener: $(cat "$heard")"
		return 1
	}
}

# connects ADDRESS PORT: does a TCP connection open?
connects() {
	# shellcheck disable=SC2016 # the inner bash expands them
	timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2"
}

# --- kntrl -----------------------------------------------------------------

# program NAME: where the build put it.
program() {
	for path in "$BUILD/$1" "$BUILD/user/$1" "$BUILD/bin/$1"; do
		if [ -x "$path" ]; then
			echo "$path"
			return
		fi
	done
	echo "$BUILD/$1"
}

# load ARGUMENT...: kntrl-load, undone at the end.
loads=
load() {
	[ -n "$loads" ] || defer unload
	loads=1
	"$(program kntrl-load)" "$@"
}

unload() {
	"$(program kntrl-load)" --unload
}
