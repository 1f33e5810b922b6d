#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# blocked_sockets: a service that does as it is told, such as a container engine, is
# not to be reached by any name, through any namespace, over any sort of AF_UNIX socket.
. selftests/vm/lib.sh

attack() {
	python3 selftests/vm/attack.py "$@"
}

D=$T/run
mkdir "$D" "$T/old" "$T/bound"
ln -s "$D" "$T/link"
ln -s "$D/engine.sock" "$T/engine-link"

serve() {
	rm -f "$T/ready"
	# shellcheck disable=SC2086
	background python3 selftests/vm/attack.py server "$@" "$T/ready"
	server=$background
	wait_for 10 test -s "$T/ready"
}

stop_server() {
	kill "$server"
	wait "$server" 2>/dev/null
}

engine() {
	serve stream "$D/engine.sock" seqpacket "$D/packets.sock" dgram "$D/datagrams.sock" \
		stream @engine stream "$T/old/moved.sock" stream "$D/other.sock" stream @other \
		dgram "$D/otherd.sock"
}

# Every way to each of the sockets that are blocked.
ways() {
	attack unix stream "$D/engine.sock" seqpacket "$D/packets.sock" dgram "$D/datagrams.sock" \
		stream @engine stream "$T/link/engine.sock" stream "$T/engine-link" \
		stream "$D/../run/./engine.sock" stream "/proc/self/root$D/engine.sock" \
		stream "$T/bound/engine.sock" stream "$T/hard.sock"
	# shellcheck disable=SC2016 # the inner sh expands them
	unshare -m sh -c 'mount --bind "$0" "$1" && shift 1 &&
		python3 selftests/vm/attack.py unix stream "$1/engine.sock"' "$D" "$T/old" "$T/old"
	(cd "$D" && python3 "$OLDPWD/selftests/vm/attack.py" unix stream engine.sock)
}

others() {
	attack unix stream "$D/other.sock" stream @other dgram "$D/otherd.sock"
}

all_are() {
	[ -s "$2" ] && ! grep -v " $1\$" "$2"
}

cat >"$T/policy.yaml" <<YAML
version: "1"
mode: trace
rules:
  network:
    blocked_sockets:
      - $T/link/engine.sock
      - $D/packets.sock
      - $D/datagrams.sock
      - "@engine"
      - $T/old/moved.sock
      - $D/later.sock
YAML
sed 's/trace$/monitor/' "$T/policy.yaml" >"$T/monitor.yaml"

ok 'an engine' engine
mount --bind "$D" "$T/bound"
defer "umount $T/bound"
ln "$D/engine.sock" "$T/hard.sock"

ways >"$T/without" 2>&1
ok 'without kntrl every way leads there' all_are ok "$T/without"
is "$(wc -l <"$T/without")" 13 'and there are as many'

ok 'blocked_sockets' load "$T/policy.yaml"
ways >"$T/with" 2>&1
ok 'now none does' all_are EPERM "$T/with"
diag "$(grep -v EPERM "$T/with")"
is "$(wc -l <"$T/with")" 13 'and all were tried'
others >"$T/others" 2>&1
ok 'other sockets are open' all_are ok "$T/others"

mv "$T/old/moved.sock" "$T/elsewhere.sock"
status_is 0 'one that was moved' sh -c "python3 selftests/vm/attack.py unix stream $T/elsewhere.sock >$T/moved"
ok 'is blocked where it is now' all_are EPERM "$T/moved"
mv "$D" "$T/away"
attack unix stream "$T/away/engine.sock" >"$T/parent"
ok 'and so is one whose directory was moved' all_are EPERM "$T/parent"
mv "$T/away" "$D"

stop_server
ok 'the engine starts anew, and another comes up' serve stream "$D/engine.sock" stream @engine \
	stream "$D/later.sock" stream "$D/other.sock" stream @other dgram "$D/otherd.sock"
attack unix stream "$D/engine.sock" stream @engine stream "$D/later.sock" >"$T/again"
ok 'both are blocked' all_are EPERM "$T/again"
mv "$D/later.sock" "$T/elsewhere.sock"
attack unix stream "$T/elsewhere.sock" >"$T/moved"
ok 'even elsewhere' all_are EPERM "$T/moved"
others >"$T/others" 2>&1
ok 'others are open still' all_are ok "$T/others"

report=$("$(program kntrl)" report --format json)
for i in 0 1 2 3 4 5; do
	like "$report" "\"daddr\":\"AF_UNIX socket\".*\"denied\":true,\"rule\":\"rules.network.blocked_sockets\\[$i\\]\"" \
		"the report has entry $i"
done
unlike "$("$(program kntrl)" report)" 'AF_UNIX socket:' 'and no ports in its table'

ok 'monitor' load "$T/monitor.yaml"
attack unix stream "$D/engine.sock" >"$T/monitored"
ok 'denies nothing' all_are ok "$T/monitored"
like "$("$(program kntrl)" report --format json)" '"daddr":"AF_UNIX socket".*"mode":"monitor","denied":false' \
	'but reports it'

ok 'in a tree alone' load --scope tree:$$ "$T/policy.yaml"
unload
ok 'which is all' load --scope "tree:$server" "$T/policy.yaml"
attack unix stream "$D/engine.sock" >"$T/outside"
ok 'leaves out who is not in it' all_are ok "$T/outside"
done_testing
