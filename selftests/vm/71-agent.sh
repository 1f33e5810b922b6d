#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The agent: kntrl start, status, stop. Enforcement is the kernel's: it holds while
# the agent starts, reloads, is killed, and cannot write.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
out=$T/kntrl.out

cleanup_agent() {
	"$kntrl" stop >/dev/null 2>&1
	unload
}
defer cleanup_agent

agent_pid() {
	cat /run/kntrl/kntrl.pid 2>/dev/null
}

# status EXPRESSION: in Python, over the object that kntrl status --json prints.
status() {
	"$kntrl" status --json 2>&1 | python3 -c "
import json, sys
s = json.load(sys.stdin)
a = s['agent']
print($1)"
}

# lines EXPRESSION: over the lines of the output file, each of which must be JSON.
lines() {
	python3 - "$out" "$1" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8", errors="strict")]
print(eval(sys.argv[2]))
PYTHON
}

lines_are() {
	[ "$(lines "$1")" = True ]
}

fetch() {
	curl -s -m 2 -o /dev/null "http://$1/" || :
}

chmod 755 "$T"
ok 'addresses' addr_add 203.0.113.7 203.0.113.8
ok 'listeners' listen tcp:203.0.113.7:443 tcp:203.0.113.8:443 tcp:127.0.0.1:443

# --- wrong words ---

like "$("$kntrl" strat 2>&1)" 'did you mean "start"' 'a mistyped command'
like "$("$kntrl" start --allowed-ip=1 2>&1)" 'did you mean "--allowed-ips"|ambiguous|203|not an' 'a mistyped flag'
status_is 1 'a flag that is no truth value' "$kntrl" start --allow-metadata=maybe
status_is 2 'a wrong address is a wrong policy' "$kntrl" start --allowed-ips=300.1.1.1 -o "$out"
not_ok 'and nothing is loaded' test -e /sys/fs/bpf/kntrl
is "$(agent_pid)" '' 'nor does an agent run'
status_is 1 'status says so' "$kntrl" status
ok 'without kntrl all is open' connects 203.0.113.8 443

# --- the seed's quick start ---

ok 'start in the background' "$kntrl" start --mode=monitor --allowed-ips=203.0.113.7 \
	--allow-local-ranges=false --pretty --daemonize -o "$out"
is "$(cat /tmp/kntrl.pid)" "$(agent_pid)" 'both PID files have the process'
like "$(ls -l /proc/"$(agent_pid)"/exe)" "$kntrl\$" 'which is the agent'
is "$(stat -c '%a %u' "$out")" '600 0' 'the output is for root alone'
fetch 203.0.113.7:443
fetch 203.0.113.8:443
timeout 10 git ls-remote http://203.0.113.8:443/repo.git >/dev/null 2>&1
ok 'a block is in the output at once' wait_for 2 lines_are \
	"any(r['daddr'] == '203.0.113.8' and r['policy'] == 'block' and not r['denied'] for r in rows)"
ok 'what passed, within a second or so' wait_for 5 lines_are \
	"any(r['daddr'] == '203.0.113.7' and r['policy'] == 'pass' and r['task_name'] == 'curl' for r in rows)"
ok "a helper of git's too" wait_for 5 lines_are \
	"any(r['task_name'] == 'git-remote-http' and r['policy'] == 'block' and 'git' in r['ancestors'] for r in rows)"
is "$(status "s['scopes'][0]['mode'], a['pid'] == $(agent_pid), s['counts']['block'] >= 2, s['agent']['last_reload']")" \
	"monitor True True None" 'status'
got=$("$kntrl" start --daemonize 2>&1)
like "$got" "running already, process $(agent_pid)" 'a second start says who runs'
"$kntrl" stop >"$T/table" 2>&1
is "$(sed -n '1s/  */ /gp' "$T/table")" 'Pid | Comm | Proto | Domain | Destination Addr | Policy' \
	'stop prints the table'
like "$(cat "$T/table")" '\| curl +\| tcp +\| - +\| 203\.0\.113\.8:443 +\| block' 'with what was blocked'
like "$(cat "$T/table")" '[├└]── \[[0-9]+\] curl$' 'and, with --pretty, the tree'
not_ok 'and unloads' test -e /sys/fs/bpf/kntrl
not_ok 'the PID files are gone' ls /run/kntrl/kntrl.pid /tmp/kntrl.pid

# --- precedence: flags, the directory, the file, defaults ---

mkdir "$T/rules"
printf 'version: "1"\nmode: monitor\nrules: {network: {allowed_ips: [203.0.113.7]}}\n' >"$T/file.yaml"
printf 'version: "1"\nmode: trace\nrules: {network: {allow_local_ranges: false}}\n' >"$T/rules/a.yaml"
ok 'a file and a directory' "$kntrl" start --rules-file "$T/file.yaml" --rules-dir "$T/rules" \
	--daemonize -o "$out"
is "$(status "s['scopes'][0]['mode']")" trace "the directory's mode wins over the file's"
ok 'the entry of the file holds' connects 203.0.113.7 443
not_ok 'what none has is denied' connects 203.0.113.8 443

# --- reload ---

generation=$(status "s['scopes'][0]['generation']")
# An open stream, and what becomes of it; and one that stays allowed, on loopback.
cat >"$T/stream.py" <<'PYTHON'
import os, socket, sys, time
streams = [socket.create_connection((a, 443), 5) for a in ("203.0.113.7", "127.0.0.1")]
print("open", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
for s in streams:
    s.settimeout(2)
    try:
        s.send(b"x")
        print("echo" if s.recv(1) else "end", flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
PYTHON
background python3 "$T/stream.py" "$T/reloaded"
stream=$T/background.$jobs_started
wait_for 20 grep -q open "$stream"
printf 'version: "1"\nrules: {network: {allowed_ips: [203.0.113.8]}}\n' >"$T/file.yaml"
kill -HUP "$(cat /tmp/kntrl.pid)"
reloaded() {
	[ "$(status "(a['last_reload'] or {}).get('new_generation')")" = "$1" ]
}
ok 'SIGHUP loads the file anew' wait_for 20 reloaded $((generation + 1))
touch "$T/reloaded"
ok 'its new entry holds' connects 203.0.113.8 443
not_ok 'its old one does no longer' connects 203.0.113.7 443
ok 'a stream that was open' wait_for 10 sh -c "[ \$(wc -l <'$stream') = 3 ]"
is "$(sed -n 2p "$stream")" ConnectionAbortedError 'is cut'
is "$(sed -n 3p "$stream")" echo 'one that the new policy allows goes on'
printf 'version: "1"\nrules: {netwrok: {}}\n' >"$T/file.yaml"
kill -HUP "$(agent_pid)"
reload_failed() {
	[ "$(status "a['last_reload']['status']")" = 2 ]
}
ok 'a broken file is told' wait_for 20 reload_failed
like "$(status "a['last_reload']['message']")" 'file\.yaml:2:.*netwrok' 'by its line'
is "$(status "s['scopes'][0]['generation']")" $((generation + 1)) 'and what was in force stays'
ok 'it does' connects 203.0.113.8 443

# --- the output file ---

mv "$out" "$out.1"
kill -USR1 "$(agent_pid)"
ok 'SIGUSR1 opens a new output file' wait_for 5 test -e "$out"
fetch 203.0.113.7:443
ok 'where events go on' wait_for 5 lines_are "len(rows) >= 1"
ln -sf /etc/passwd "$T/link"
like "$("$kntrl" stop --keep 2>&1)" 'flow' 'stop --keep'
ok 'leaves the policy' test -e /sys/fs/bpf/kntrl
not_ok 'in force' connects 203.0.113.7 443
not_ok 'a link is not followed' "$kntrl" start --daemonize -o "$T/link"
install -o 65534 -m 666 /dev/null "$T/foreign"
not_ok "nor is somebody else's file taken" "$kntrl" start --daemonize -o "$T/foreign"
ln -sf "$T/victim" /tmp/kntrl.pid
ok 'start without rules' "$kntrl" start --daemonize -o "$out"
not_ok 'the PID file follows no link' test -e "$T/victim"
is "$(cat /tmp/kntrl.pid)" "$(agent_pid)" 'it replaces it'
is "$(status "s['scopes'][0]['generation'], s['scopes'][0]['mode']")" "$((generation + 1)) trace" \
	'takes over what is in force'

# --- killed ---

kill -9 "$(agent_pid)"
not_ok 'without the agent it holds' connects 203.0.113.7 443
puppet=$(program selftests/puppet)
cp "$puppet" "$T/orphan"
background "$T/orphan" serve "$T/orphan.sock"
wait_for 5 test -S "$T/orphan.sock"
"$puppet" tell "$T/orphan.sock" connect 203.0.113.7 80 >/dev/null 2>&1
ok 'start again' "$kntrl" start --daemonize -o "$out"
ok 'what happened meanwhile is in the output' wait_for 5 lines_are \
	"any(r['task_name'] == 'orphan' and r['policy'] == 'block' for r in rows)"

# At any time: each blocked flow is in the final report, once.
python3 - >"$T/attempts" <<'PYTHON' &
import socket, time
for port in range(1, 401):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect(("203.0.113.6", port))
    except PermissionError:
        print(port, flush=True)
    s.close()
    time.sleep(0.01)
PYTHON
attempts=$!
for pause in 0.3 0.05 0.6; do
	sleep $pause
	kill -9 "$(agent_pid)"
	"$kntrl" start --daemonize -o "$out" >/dev/null 2>&1
done
ok 'killed three times more, it runs again' "$kntrl" status
wait $attempts
is "$(wc -l <"$T/attempts")" 400 'every attempt meanwhile was denied'
is "$("$kntrl" report --format json | grep -c '"daddr":"203.0.113.6".*"denied":true')" 400 \
	'and is in the report'

# --- a full disk ---

mkdir "$T/small"
mount -t tmpfs -o size=64k none "$T/small"
defer "umount $T/small"
"$kntrl" stop --keep >/dev/null 2>&1
ok 'an output on a small disk' "$kntrl" start --daemonize -o "$T/small/out"
dd if=/dev/zero of="$T/small/fill" 2>/dev/null
fetch 203.0.113.7:443
failing() {
	[ "$(status "a['output_failing']")" = "$1" ]
}
# The first page of the file may have been there before.
for _ in $(seq 40); do
	fetch 203.0.113.7:443
	! failing True || break
done
ok 'a full disk is told' failing True
not_ok 'enforcement goes on' connects 203.0.113.7 443
rm "$T/small/fill"
ok 'and it resumes' wait_for 10 failing False
out=$T/small/out
ok 'with whole lines' lines_are 'len(rows) > 0'

# --- a burst ---

mount -o remount,size=64m "$T/small"
# 200000 denied connects of one process; the flow table has the truth.
before=$(status "s['counts']['denied']")
python3 - <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(200000):
    try:
        s.connect(("203.0.113.9", 1 + i % 100))
    except PermissionError:
        pass
PYTHON
is "$(status "s['counts']['denied'] - $before")" 200000 'a burst: every blocked attempt is counted'
rss=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(agent_pid)/status")
diag "the agent's memory at its highest: $rss kB"
ok 'in less than 16 MB' test "$rss" -lt 16384
# It is woken by nothing but events, and the machine may have one or two of its own.
wakes() {
	awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$(agent_pid)/status"
}
asleep() {
	before=$(wakes)
	sleep 2
	[ "$(wakes)" = "$before" ]
}
ok 'an idle agent does nothing' wait_for 1 asleep

# --- the end ---

status_is 10 '--fail-on block' "$kntrl" stop --fail-on block
not_ok 'all is gone' test -e /sys/fs/bpf/kntrl
ok 'and open' connects 203.0.113.7 443

"$kntrl" start --mode trace --allow-local-ranges=false -o "$out" >"$T/live" 2>&1 &
foreground=$!
defer "kill -9 $foreground"
ok 'in the foreground' wait_for 20 test -e /run/kntrl/agent.json
not_ok 'it enforces' connects 203.0.113.7 443
ok 'and shows it' wait_for 5 grep -q 'denied.*bash.*203.0.113.7:443' "$T/live"
kill -TERM $foreground
wait $foreground
is $? 0 'SIGTERM ends it'
like "$(cat "$T/live")" '^Pid .*Policy' 'with the table'
not_ok 'and enforcement' test -e /sys/fs/bpf/kntrl
done_testing
