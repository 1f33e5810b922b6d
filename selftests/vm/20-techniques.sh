#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every way we know of getting bytes to an address, each over IPv4 and IPv6:
#
#	without kntrl	the token arrives, or the kernel itself refuses (listed below)
#	trace		nothing arrives from the denied address's point of view, not even a
#			SYN; the call fails with EPERM where a hook can say so; it is reported
#	trace, allowed	it arrives
#	monitor		it arrives, and is reported as what trace would have blocked
#
# The techniques are in selftests/bin/*by.c; recvd is the other side.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

to4=203.0.113.8 to6=2001:db8:8::1 ok4=203.0.113.7 ok6=2001:db8:7::1

# What the kernel does by itself: an errno, "elsewhere" (the first address counts, so
# nothing goes where it must not), or "arrives" in spite of an errno.
cat >"$T/kernel" <<'EOT'
connect-v4-on-v6 v4 EINVAL
connect-short-address v4 EINVAL
udp-short-address v4 EINVAL
udp-unspec v6 EDESTADDRREQ
fastopen-connect-other v4 elsewhere
fastopen-connect-other v6 elsewhere
udp-more-second v4 elsewhere
udp-more-second v6 elsewhere
route-connect v4 arrives
route-syn-port0 v6 arrives
uring-fastopen v4 arrives
uring-fastopen v6 arrives
uring-fastopen-worker v4 arrives
uring-fastopen-worker v6 arrives
EOT
case $(uname -r) in
6.1.*)
	printf 'mptcp-fastopen v%d EOPNOTSUPP\n' 4 6
	printf 'smc-ipproto v%d EPROTONOSUPPORT\n' 4 6
	;;
esac >>"$T/kernel"
# Their packets are dropped on their way, after the call has returned.
late='route-syn route-syn-port0 route-connect route-established'
# No process may make such sockets (raw_sockets: block, and what no rule can judge).
closed='sctp-connect sctp-sendto dccp-connect smc-connect smc-ipproto ping-socket ping-connect
raw-icmp raw-connect raw-udp raw-unspec header-tcp header-udp header-other-udp header-other-reply
header-other-bare packet-dgram packet-raw packet-ring'

attempt_all() {
	phase=$1
	shift
	: >"$T/recvd"
	for group in tcpby:7000 udpby:7100 protoby:7200 rawby:7300 uringby:7400; do
		attempt "$phase" "${group#*:}" "${group%:*}" "$@" "${group#*:}" || return 1
	done
	cp "$T/recvd" "$T/$phase.log"
	flows >"$T/$phase.report"
}

write_policy() {
	cat >"$T/policy.yaml" <<EOT
version: "1"
mode: $1
rules:
  network:
    allowed_ips: ["$ok4", "$ok6"]
EOT
}

# Prints "STATUS NAME" for each test.
judge() {
	awk -v phase="$1" -v late=" $late " -v closed=" $(echo "$closed" | tr '\n' ' ') " \
		-v to4=$to4 -v to6=$to6 -v ok4=$ok4 -v ok6=$ok6 '
	function field(name, s) {
		if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}]*)"))
			return ""
		s = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
		gsub(/"/, "", s)
		return s
	}
	function say(good, what) {
		print (good ? 0 : 1), what
	}
	FILENAME ~ /kernel$/ { kernel[$1 "." $2] = $3; next }
	FILENAME ~ /log$/ && $1 == "pkt" {
		token = $3
		sub(/^KT\[[a-z]*\./, "", token)
		sub(/\]$/, "", token)
		arrived[$2, token] = 1
	}
	FILENAME ~ /log$/ && $1 == "syn" { asked[$2, $3] = 1 }
	FILENAME ~ /log$/ { next }
	FILENAME ~ /report$/ {
		if (field("policy") != "block")
			next
		denied = field("denied")
		by_pid[field("pid")] = denied
		by_port[field("daddr"), field("dport")] = denied
		next
	}
	FILENAME ~ /results$/ {
		name = $1 "." $2
		allowed = phase == "allowed"
		to = $2 == "v4" ? (allowed ? ok4 : to4) : (allowed ? ok6 : to6)
		port = $1 == "route-syn-port0" ? 0 : $3
		got = ((to, name) in arrived) || ((to, port) in asked)
		error = $5
		wanted = (name in kernel) ? kernel[name] : "0"
		is_closed = index(closed, " " $1 " ") > 0
		is_late = index(late, " " $1 " ") > 0
		reported = ($4 in by_pid) ? by_pid[$4] : ""
		if (reported == "" && ((to, port) in by_port))
			reported = by_port[to, port]
		if (phase == "base" || phase == "monitor" || (allowed && !is_closed)) {
			if (wanted == "elsewhere")
				say((allowed || !got) && error == "0", phase ": " name ": goes to the first address")
			else if (wanted == "0" || wanted == "arrives")
				say(got && (error == "0" || wanted == "arrives"),
				    phase ": " name ": arrives (" error ")")
			else
				say(!got && error == wanted,
				    phase ": " name ": the kernel refuses with " wanted " (" error ")")
		}
		if (phase == "monitor" && (wanted == "0" || wanted == "arrives"))
			say(reported == "false", phase ": " name ": is reported, and not as denied")
		if (phase == "trace") {
			say(!got, phase ": " name ": nothing arrives")
			say(error == "EPERM" || is_late || (wanted ~ /^E/ && error == wanted),
			    phase ": " name ": the call fails (" error ")")
			if (wanted !~ /^E/)
				say(reported == "true", phase ": " name ": is reported as denied")
		}
		if (allowed && is_closed)
			say(!got && error == "EPERM", phase ": " name ": no such socket (" error ")")
		seen++
	}
	END { say(seen >= 150, phase ": all have run (" seen ")") }
	' "$T/kernel" "$T/$1.log" "$T/$1.report" "$T/$1.results" >"$T/$1.verdicts"
	verdicts "$T/$1.verdicts"
}

ok 'addresses' addr_add $to4 $to6 $ok4 $ok6
ok 'protocols' modprobe -a sctp dccp_ipv4 dccp_ipv6 smc
# Unprivileged ping; real Fast Open; this host follows source routes.
ok 'settings' sysctl -q -w net.ipv4.ping_group_range='0 2147483647' net.ipv4.tcp_fastopen=3 \
	net.ipv4.conf.all.accept_source_route=1 net.ipv4.conf.lo.accept_source_route=1 \
	net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.lo.seg6_enabled=1

ok 'the other side' start_recvd tcp:7000-7029 udp:7100-7129 udplite:7100-7129 \
	mptcp:7200-7202 sctp:7203-7204 dccp:7205 tcp:7206-7207 udp:7000 udp:7200 udp:7300-7319 \
	tcp:7400-7419 udp:7400-7419

ok 'without kntrl' attempt_all base $to4 $to6 $ok4 $ok6
judge base

write_policy trace
ok 'loads in trace mode' load "$T/policy.yaml"
ok 'the denied address in trace mode' attempt_all trace $to4 $to6 $ok4 $ok6
judge trace
ok 'the allowed address in trace mode' attempt_all allowed $ok4 $ok6 $ok4 $ok6
judge allowed
ok 'unloads' unload
ok 'is unloaded when it says so' none_loaded

write_policy monitor
ok 'loads in monitor mode' load "$T/policy.yaml"
ok 'the denied address in monitor mode' attempt_all monitor $to4 $to6 $ok4 $ok6
judge monitor

done_testing
