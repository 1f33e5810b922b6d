#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Webhooks, against HTTPS servers that are well, slow, dead, out of order, overrun,
# redirecting, and somebody else; at an address that only who posts may reach.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
out=$T/kntrl.out
defer "'$kntrl' stop"
chmod 755 "$T"

# An authority, and a certificate of its own for the server that is somebody else.
for name in good other; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$name" -addext 'subjectAltName=IP:203.0.113.10' \
		-keyout "$T/$name.key" -out "$T/$name.crt" 2>/dev/null
done
chmod 644 "$T/good.crt"
mount --bind "$T/good.crt" /etc/ssl/certs/ca-certificates.crt
defer 'umount /etc/ssl/certs/ca-certificates.crt'

cat >"$T/server.py" <<'PYTHON'
import http.server, json, ssl, sys, threading, time

counts, lock = {}, threading.Lock()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            n = counts[self.path] = counts.get(self.path, 0) + 1
            print(json.dumps({"path": self.path, "token": self.headers.get("X-Token"),
                              "at": time.monotonic(), "body": json.loads(body)}), flush=True)
        if self.path == "/slow":
            time.sleep(3)
        status = {"/broken": 500, "/moved": 302, "/busy": 429 if n < 3 else 200}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/stolen")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

for port, name in ((4430, "good"), (4431, "other")):
    server = http.server.ThreadingHTTPServer(("203.0.113.10", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{sys.argv[1]}/{name}.crt", f"{sys.argv[1]}/{name}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
print('{"path": "ready"}', flush=True)
PYTHON
ok 'addresses' addr_add 203.0.113.1 203.0.113.10
background python3 "$T/server.py" "$T"
got=$T/background.$jobs_started
ok 'an endpoint' wait_for 20 grep -q ready "$got"
ok 'a listener' listen tcp:203.0.113.1:80

cat >"$T/policy.yaml" <<'YAML'
version: "1"
mode: trace
rules: {network: {allow_local_ranges: false, allowed_ips: [203.0.113.1]}}
webhooks:
  - {url: "https://203.0.113.10:4430/blocks", filter: block, headers: {X-Token: "Bearer ${TOKEN}"}}
  - {url: "https://203.0.113.10:4430/all"}
  - {url: "https://203.0.113.10:4430/passes", filter: pass}
  - {url: "https://203.0.113.10:4430/slow", filter: block, timeout: 1s}
  - {url: "https://203.0.113.10:4430/broken", filter: block}
  - {url: "https://203.0.113.10:4430/busy", filter: block}
  - {url: "https://203.0.113.10:4430/moved", filter: block}
  - {url: "https://203.0.113.10:4431/other", filter: block}
  - {url: "https://203.0.113.10:4439/dead", filter: block}
YAML

# posted EXPRESSION: in Python, over what the server was posted; paths are counted in n.
posted() {
	[ "$(python3 - "$got" "$1" <<'PYTHON'
import collections, json, sys
rows = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
n = collections.Counter(r["path"] for r in rows)
print(bool(eval(sys.argv[2])))
PYTHON
	)" = True ]
}

# counts EXPRESSION: over the counts of kntrl status.
counts() {
	[ "$("$kntrl" status --json | python3 -c "
import json, sys
w = json.load(sys.stdin)['agent']['webhooks']
print($1)")" = True ]
}

start() {
	"$kntrl" start --daemonize -o "$out" --rules-file "$T/policy.yaml"
}

status_is 2 'kntrl-load does not take a policy with webhooks' load "$T/policy.yaml"
like "$(cat "$T/log")" 'policy.yaml:5:.*kntrl start' 'and names who posts'
status_is 2 'a variable that is not set' start
like "$(cat "$T/log")" 'policy\.yaml:5: webhook: headers: .*TOKEN.*is not set' 'is told'
export TOKEN=secret
ok 'start' start
ok 'an attempt that passes' connects 203.0.113.1 80
not_ok 'one that does not' connects 203.0.113.2 80
ok 'its event is in the file at once, whatever the endpoints do' wait_for 1 grep -q '"block"' "$out"
ok 'and posted, with the header' wait_for 10 posted \
	"any(r['path'] == '/blocks' and r['token'] == 'Bearer secret' and r['body']['type'] == 'block'
	 and r['body']['data']['daddr'] == '203.0.113.2' and r['body']['timestamp'] for r in rows)"
ok 'what passes goes to who asked for it' wait_for 10 posted \
	"all(any(r['path'] == p and r['body']['data']['daddr'] == '203.0.113.1' for r in rows)
	 for p in ('/all', '/passes')) and not any(r['path'] == '/blocks' and r['body']['type'] == 'pass' for r in rows)"
# Of the block, broken, slow, moved, other and dead fail; the rest is sent.
ok 'all is over' wait_for 30 counts "w['waiting'] == 0 and w['failed'] == 5"
ok '500 and slow: four times' posted "n['/broken'] == 4 and n['/slow'] == 4"
ok 'with growing pauses' posted "[t := [r['at'] for r in rows if r['path'] == '/broken'],
	 t[1] - t[0] >= .25 and t[2] - t[1] >= .5 and t[3] - t[2] >= 1][1]"
ok '429: until it is taken' posted "n['/busy'] == 3"
ok 'a redirection is not followed, a wrong certificate gets nothing' posted \
	"n['/moved'] == 1 and n['/stolen'] == 0 and n['/other'] == 0"
ok 'each is posted once' posted "n['/blocks'] == 1"
not_ok 'where it is posted, nobody else may' connects 203.0.113.10 4430
ok 'that is posted in turn' wait_for 10 posted \
	"any(r['path'] == '/blocks' and r['body']['data']['dport'] == 4430 for r in rows)"
not_ok 'what who posts does itself is not' posted "any(r['path'] == '/passes' and
	 r['body']['data']['daddr'] == '203.0.113.10' for r in rows)"
not_ok 'no secret is in the log' grep -q 'secret\|203.0.113.10:44' /run/kntrl/agent.log
ok 'what failed is' grep -q 'policy.yaml:9: webhook: .*HTTP status 500' /run/kntrl/agent.log
ok 'the certificate too' grep -q 'policy.yaml:12: webhook: .*1 attempts.*[Cc]ert' /run/kntrl/agent.log
like "$("$kntrl" status)" '^Webhooks +[0-9]+ sent, [0-9]+ failed, 0 dropped' 'status has the counts'

# --- a flood: bounded, counted ---

python3 - <<'PYTHON'
import socket
for i in range(3000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect(("203.0.113.3", 1 + i))
    except PermissionError:
        pass
    s.close()
PYTHON
ok 'every event of a flood is in the file' wait_for 20 sh -c "[ \$(grep -c '203.0.113.3' '$out') -eq 3000 ]"
ok 'what cannot be posted is dropped and counted' wait_for 10 counts "w['dropped'] > 0"

# --- who posts dies ---

sender=$(pgrep -P "$(cat /run/kntrl/kntrl.pid)")
is "$(awk '/^Uid/ { print $2 $3 $4 }' "/proc/$sender/status")" 655346553465534 'who posts has no rights'
kill -9 "$sender"
ok 'its death is told' wait_for 5 grep -q 'posts to webhooks has died' /run/kntrl/agent.log
not_ok 'the agent and the kernel go on' connects 203.0.113.4 80
ok 'with the event in the file' wait_for 1 grep -q '203.0.113.4' "$out"
ok 'stop' "$kntrl" stop
done_testing
