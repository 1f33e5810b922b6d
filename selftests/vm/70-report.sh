#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kntrl report: who talked to whom and why that was or was not allowed, told by the
# kernel's own records when everybody has gone, whatever they called themselves.
. selftests/vm/lib.sh

FLOOD=30000
FLOWS=16384

kntrl=$(program kntrl)
puppet=$(program selftests/puppet)

report() {
	"$kntrl" report --format json >"$T/report.json" 2>"$T/report.err"
}

# rows EXPRESSION...: in Python, over the rows of the report.
rows() {
	python3 - "$T/report.json" "$@" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8", errors="strict")]
for expression in sys.argv[2:]:
    print(eval(expression))
PYTHON
}

chmod 755 "$T"
cat >"$T/policy.yaml" <<'YAML'
version: "1"
mode: trace
rules:
  network:
    allow_local_ranges: false
    allowed_ips:
      - "203.0.113.1"
      - "203.0.113.7:443"
      - "2001:db8::7"
    profiles:
      - process: git
        allowed_cidrs: [192.0.2.1, "203.0.113.9:9418"]
  process:
    blocked_chains:
      - process: wget
        ancestors: [make]
      - process: curl
        ancestors: [npm]
YAML

# --- real programs, all gone before the report ---

ok 'addresses' addr_add 203.0.113.7 203.0.113.8 203.0.113.9 2001:db8::7
ok 'listeners' listen tcp:203.0.113.7:443 tcp:203.0.113.8:443 'tcp:[2001:db8::7]:443' tcp:203.0.113.9:9418
ok 'the load' load "$T/policy.yaml"

fetch() {
	curl -s -m 2 -o /dev/null "http://$1/" || :
}
# The ":" keeps each shell from exec'ing its last command in place.
bash -c 'sh -c "curl -s -m 1 -o /dev/null http://203.0.113.7:443/; :"; :'
setpriv --reuid=65534 --regid=65534 --clear-groups curl -s -m 1 -o /dev/null http://203.0.113.8:443/
fetch '[2001:db8::7]:443'
python3 -c '
import socket
for i in range(3):
    try:
        socket.create_connection(("203.0.113.8", 443), 2)
    except PermissionError:
        pass
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("203.0.113.7", 443))
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
except PermissionError:
    pass
'
timeout 2 git ls-remote git://203.0.113.9/x.git 2>/dev/null
printf '#!/bin/sh\ncurl -s -m 1 -o /dev/null http://203.0.113.7:443/\n:\n' >"$T/npm"
chmod +x "$T/npm"
"$T/npm"

ok 'a report as JSON' report
is "$(cat "$T/report.err")" '' 'with nothing missing'
keys='ts pid task_name exe uid proto daddr dport domains policy mode rule ancestors cgroup'
is "$(rows "sorted(set('$keys'.split()) - set.intersection(*map(set, rows)))")" '[]' \
	"every line is an object with $keys"
true_is() {
	is "$(rows "$1")" True "$2"
}
now=$(date +%s)
true_is "all(abs(__import__('datetime').datetime.fromisoformat(r['ts'].replace('Z', '+00:00')).timestamp() - $now) < 60 for r in rows)" \
	'ts is RFC 3339, and now'
true_is "{r['policy'] for r in rows} == {'pass', 'block'}" 'policy is pass or block'
true_is "{r['mode'] for r in rows} == {'trace'}" 'mode is trace'
true_is "all(isinstance(r['pid'], int) and r['pid'] > 0 for r in rows)" 'pid is a number'
cgroup=$(stat -c %i "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)")
true_is "{r['cgroup'] for r in rows} == {$cgroup}" 'cgroup is that of this test'

flow() {
	python3 - "$T/report.json" "$@" <<'PYTHON'
import json, sys
want = dict(arg.split("=", 1) for arg in sys.argv[2:] if "=" in arg)
show = [arg for arg in sys.argv[2:] if "=" not in arg]
for line in open(sys.argv[1], encoding="utf-8"):
    row = json.loads(line)
    if all(str(row[k]) == v for k, v in want.items()):
        print(*(json.dumps(row[k]) for k in show))
PYTHON
}

curl=$(readlink -f "$(command -v curl)")
python=$(readlink -f "$(command -v python3)")
is "$(flow task_name=curl daddr=203.0.113.8 exe uid proto dport policy denied rule count)" \
	"\"$curl\" 65534 \"tcp\" 443 \"block\" true \"default\" 1" "a user's curl, denied by default"
is "$(flow task_name=curl daddr=2001:db8::7 uid policy rule)" \
	'0 "pass" "rules.network.allowed_ips[2]"' "root's curl over IPv6, by its entry"
got=$(flow task_name=curl daddr=203.0.113.7 policy=pass exe rule ancestors)
like "$got" "^\"$curl\" \"rules.network.allowed_ips\\[1\\]\" \\[\"sh\", \"bash\", \"70-report.sh\"" \
	'ancestors are told nearest first'
got=$(flow task_name=curl daddr=203.0.113.7 policy=block rule ancestors)
like "$got" '^"rules.process.blocked_chains\[1\]" \["npm", "70-report.sh"' \
	'a chain by its entry, a script by its name'
is "$(flow task_name=python3 proto=tcp exe daddr policy count)" \
	"\"$python\" \"203.0.113.8\" \"block\" 3" 'attempts of one process are counted'
is "$(flow task_name=python3 proto=udp daddr dport policy)" '"203.0.113.7" 443 "pass"' 'UDP is UDP'
is "$(flow task_name=python3 proto=socket daddr policy rule)" \
	'"raw socket AF_PACKET/SOCK_RAW" "block" "rules.network.raw_sockets"' 'a raw socket'
is "$(flow task_name=git proto=tcp daddr dport policy rule)" \
	'"203.0.113.9" 9418 "pass" "rules.network.profiles[0].allowed_cidrs[1]"' "git, by its profile's entry"

# --- the table ---

ok 'a report as a table' sh -c "$kntrl report >$T/table"
is "$(sed -n '1s/  */ /gp' "$T/table")" \
	'Pid | Comm | Proto | Domain | Destination Addr | Policy' 'its head'
like "$(cat "$T/table")" '^[0-9]+ +\| curl +\| tcp +\| - +\| 203\.0\.113\.8:443 +\| block' 'IPv4 in it'
like "$(cat "$T/table")" '\| \[2001:db8::7\]:443 +\| pass' 'IPv6'
like "$(cat "$T/table")" "^$(wc -l <"$T/report.json") flows, [0-9]+ blocked \\([0-9]+ denied, 0 would be\\), mode trace" \
	'and its sum'
unlike "$(cat "$T/table")" 'warning|skipped' 'no program was skipped (recursion_misses), nothing is missing'
misses=0
for pin in /sys/fs/bpf/kntrl/prog_*; do
	n=$(bpftool -j prog show pinned "$pin" | sed -n 's/.*"recursion_misses":\([0-9]*\).*/\1/p')
	misses=$((misses + ${n:-0}))
done
is "$misses" 0 'and the kernel says the same'
is "$(NO_COLOR='' "$kntrl" report | grep -c "$(printf '\033')")" 0 'no colour in a file'

# --- events ---

"$kntrl" report --events >"$T/report.json" 2>"$T/report.err"
true_is "len(rows) >= 8 and {r['policy'] for r in rows} == {'pass', 'block'}" 'the event stream'
is "$(flow task_name=python3 proto=tcp count)" '1
2
3' 'has each blocked attempt'
"$kntrl" report --events >"$T/report.json" 2>/dev/null
is "$(cat "$T/report.json")" '' 'once'

# --- monitor ---

load --mode monitor "$T/policy.yaml" 2>/dev/null
fetch 203.0.113.8:443
report
is "$(flow task_name=curl daddr=203.0.113.8 mode=monitor policy denied uid)" '"block" false 0' \
	'monitor mode: what trace would have said'
load "$T/policy.yaml" 2>/dev/null

# --- names that are meant to break it ---

mkdir "$T/weird"
weird=$(python3 - "$T" "$puppet" <<'PYTHON'
import shutil, subprocess, sys
names = [b'quo"te', b"apo'strophe", b"back\\slash", b'{"policy":"pass"}', b"a|b | c",
         b"red\033[31m", b"new\nline", b"bad\377\376utf8", b"cut\303",
         "rtl\u202etxt".encode(), b"ctl\001\177", b"-n", b"0" * 200, "ä日".encode()]
dir, puppet = sys.argv[1].encode(), sys.argv[2].encode()
for n, name in enumerate(names, 1):
    path, socket = dir + b"/weird/" + name, dir + b"/socket%d" % n
    shutil.copy(puppet, path)
    serving = subprocess.Popen([path, b"serve", socket])
    subprocess.run([puppet, b"tell", socket, b"connect", b"192.0.2.66", b"%d" % (6000 + n)],
                   stdout=subprocess.DEVNULL)
    serving.kill()
    serving.wait()
print(len(names))
PYTHON
)
is "$weird" 14 'fourteen odd names'
ok 'a report' report
true_is "len(rows) > 0" 'is JSON still, in UTF-8'
is "$(rows "len([r for r in rows if r['daddr'] == '192.0.2.66' and r['policy'] == 'block'])")" \
	"$weird" 'and has them all'
expected() {
	is "$(rows "[ascii(r['task_name']) for r in rows if r['dport'] == $1][0]")" "$2" "name $1: $2"
}
expected 6001 "'quo\"te'"
expected 6003 "'back\\\\slash'"
expected 6004 "'{\"policy\":\"pass\"}'"
expected 6006 "'red\\x1b[31m'"
expected 6007 "'new\\nline'"
expected 6008 "'bad\\ufffd\\ufffdutf8'"
expected 6009 "'cut\\ufffd'"
expected 6014 "'\\xe4\\u65e5'"
"$kntrl" report >"$T/table"
is "$(grep -c '192\.0\.2\.66:60' "$T/table")" "$weird" 'each has one line of the table'
is "$(tr -d '\n' <"$T/table" | LC_ALL=C grep -c '[[:cntrl:]]')" 0 'without control characters'
ok 'which is UTF-8' iconv -f UTF-8 -t UTF-16 "$T/table"
unlike "$(cat "$T/table")" "$(printf '\342\200\256')" 'and is not turned round'

# --- a flood ---

unload
ok 'a fresh load' load "$T/policy.yaml"
background "$puppet" serve "$T/flooder"
refused=$("$puppet" tell "$T/flooder" flood $FLOOD 2>/dev/null)
is "$refused" $FLOOD "$FLOOD refused datagrams to as many addresses"
ok 'a report' report
sum="sum(r['count'] for r in rows if r['task_name'] == 'puppet' and r['policy'] == 'block')"
is "$(rows "$sum")" $FLOOD 'not one is missing from the sum'
is "$(rows "len({r['daddr'] for r in rows if r['pid']}) > $FLOWS - 200, len(rows) < $FLOWS + 10")" \
	'(True, True)' 'most by address'
is "$(rows "{(r['daddr'], r['rule'], r['exe']) for r in rows if r['pid'] is None}")" \
	"{('198.18.0.0/16', 'default', '$puppet')}" 'the rest by prefix, program and rule'
like "$(cat "$T/report.err")" 'counted by prefix alone: [0-9]+' 'which is said'
lost=$(sed -n 's/.*events lost: \([0-9]*\);.*/\1/p' "$T/report.err")
ok 'events were lost, and counted' test "${lost:-0}" -gt 0
"$kntrl" report --events >"$T/report.json" 2>/dev/null
got=$(rows "len(rows)")
ok "what was lost ($lost) and what is there ($got) is all" test $((lost + got)) -ge $FLOOD
ok 'and no more' test $((lost + got)) -le $((FLOOD + 50))
is "$("$puppet" tell "$T/flooder" connect 203.0.113.7 443)" ok 'what is allowed still is'
is "$("$puppet" tell "$T/flooder" connect 203.0.113.8 443)" EPERM 'what is not is not'
"$kntrl" report >"$T/table"
like "$(cat "$T/table")" '^ *[0-9]+ \| puppet +\| 198\.18\.0\.0/16 +\| default' 'the table has it too'

# --- when there is nothing to tell ---

unload
status_is 1 'a report when nothing is loaded' "$kntrl" report
like "$(cat "$T/log")" 'nothing is loaded' 'says so'

done_testing
