#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Server names: of an address that two names share, one allowed, no byte leaves that is
# not for the allowed one; and all that is for it arrives, whatever way it is sent.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

shared=203.0.113.7 shared6=2001:db8:7::1 server=192.0.2.53
good=good.example bad=evil.example

# says MODE ADDRESS [PART...]: all manners of saying hello, see sni.py.
says() {
	mode=$1 addr=$2
	shift 2
	timeout 240 python3 selftests/vm/sni.py "$mode" "$addr" $good $bad "$@" >"$T/said" 2>"$T/said.err" || {
		cat "$T/said.err"
		echo "1 sni.py $mode $addr ends" >>"$T/said"
	}
	sed -i "s/^\([01]\) /\1 $mode $addr: /" "$T/said"
	verdicts "$T/said"
}

# Another host with a name server, which says that both names have the same addresses.
another_host() {
	remote far 192.0.2.1/24 "$server/24" || return 1
	ip netns exec far dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --pid-file= \
		--listen-address="$server" --bind-interfaces --host-record="$good,$shared,$shared6" \
		--host-record="$bad,$shared,$shared6" >"$T/dnsmasq" 2>&1 </dev/null &
	defer "kill $!"
	echo "nameserver $server" >/etc/resolv.conf
	wait_for 10 getent ahostsv4 "$good"
}

names() {
	getent ahosts "$good" && getent ahostsv6 "$good"
}

# policy MODE [LINE...]: and further lines of it.
policy() {
	cat >"$T/policy.yaml" <<YAML
version: "1"
mode: $1
rules:
  network:
    allowed_hosts: [$good]
    allow_local_ranges: false
YAML
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >>"$T/policy.yaml"
	load "$T/policy.yaml" && names
}

# A real server, whose certificate nobody looks at.
tls_server() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$good" -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null || return 1
	cat >"$T/tls.py" <<'PYTHON'
import http.server, ssl, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
    def log_message(self, *words):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = http.server.ThreadingHTTPServer((sys.argv[1], 8443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
PYTHON
	background python3 "$T/tls.py" "$shared" "$T/cert.pem" "$T/key.pem"
	wait_for 20 grep -q ready "$T/background.$jobs_started"
}

by_curl() {
	curl -sk --max-time 10 --noproxy '*' --resolve "$1:8443:$shared" "$@" "https://$1:8443/" | grep -q hello
}

by_openssl() {
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 10 openssl s_client -quiet -connect "$shared:8443" \
		-servername "$1" 2>/dev/null | grep -q hello
}

by_python() {
	timeout 20 python3 -c '
import socket, ssl, sys
context = ssl._create_unverified_context()
c = context.wrap_socket(socket.create_connection((sys.argv[1], 8443), 10), server_hostname=sys.argv[2])
c.sendall(b"GET / HTTP/1.0\r\n\r\n")
sys.exit(b"hello" not in c.makefile("rb").read())' "$shared" "$1"
}

by_node() {
	timeout 60 node -e '
const c = require("tls").connect({host: process.argv[1], port: 8443, servername: process.argv[2],
                                  rejectUnauthorized: false}, () => c.write("GET / HTTP/1.0\r\n\r\n"));
c.on("data", d => { if (String(d).includes("hello")) process.exit(0); });
c.on("error", () => process.exit(1));
setTimeout(() => process.exit(1), 3000);    // it overlooks that its hello was refused' "$shared" "$1"
}

quic() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x" * 1200, (sys.argv[1], int(sys.argv[2])))' "$shared" "$1"
}

sni_flows() {
	flows | grep "\"daddr\":\"$shared\"" | grep "\"sni\":\"$1\""
}

ok 'addresses' addr_add $shared $shared6
ok 'another host' another_host
ok 'settings' sysctl -q -w net.ipv4.tcp_fastopen=519

# ---- Nothing is enforced ----

says open $shared
ok 'a TLS server' tls_server
ok 'curl, forbidden, without kntrl' by_curl $bad

# ---- Everything is ----

ok 'loads' policy trace
says trace $shared
says trace $shared6 hellos odd

for client in curl openssl python node; do
	ok "$client" by_$client $good
	not_ok "$client, forbidden" by_$client $bad
done
not_ok 'curl without a name' by_curl $shared
not_ok 'QUIC' quic 443
ok 'another datagram' quic 4433
like "$(sni_flows $bad)" '"policy":"block".*"denied":true.*rules.tls.enforce_sni"' 'a forbidden name is reported'
like "$(sni_flows $good)" '"policy":"pass".*allowed_hosts' 'an allowed name is reported'
like "$(flows)" '"dport":443,.*"sni":null,.*rules.tls.enforce_sni [(]no name[)]' 'so is none'
like "$(flows)" '"proto":"udp",.*"dport":443,.*rules.tls.block_quic' 'so is QUIC'

# ---- Other policies ----

ok 'an HTTP server' listen tcp:$shared:8080
ok 'loads, HTTP forbidden' policy trace '  tls:' '    allow_http: false' '    block_quic: false'
not_ok 'HTTP' curl -s --max-time 5 --noproxy '*' -H "Host: $good" http://$shared:8080/
ok 'QUIC is let be' quic 443
like "$(flows)" '"dport":8080,.*rules.tls.allow_http' 'HTTP is reported'

ok 'loads, not enforced' policy trace '  tls: {enforce_sni: false}'
ok 'curl, any name' by_curl $bad

ok 'loads, monitor' policy monitor
says open $shared early reconnection http
like "$(sni_flows $bad)" '"policy":"block","mode":"monitor","denied":false' 'monitor tells, and denies nothing'

# A name that an inner scope wants is none of an outer one's business, which allows the address.
cat >"$T/outer.yaml" <<YAML
version: "1"
mode: trace
rules:
  network: {allowed_ips: [$shared], allowed_hosts: [other.example]}
YAML
ok 'loads, by address around' load "$T/outer.yaml"
ok 'curl, any name to an allowed address' by_curl $bad

done_testing
