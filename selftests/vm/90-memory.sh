#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A worker that holds secrets, and a job that runs as root beside it: block_ptrace.
. selftests/vm/lib.sh

attack() {
	python3 selftests/vm/attack.py "$@"
}

# Fails unless every line of the file ends in one of the words.
all_end_in() {
	words=$1
	shift
	[ -s "$1" ] && ! grep -v -E " ($words)\$" "$1"
}

cat >"$T/policy.yaml" <<YAML
version: "1"
mode: trace
rules:
  process:
    block_ptrace: true
YAML
sed 's/trace$/monitor/' "$T/policy.yaml" >"$T/monitor.yaml"
sed 's/block_ptrace: true/block_ptrace: false/' "$T/policy.yaml" >"$T/off.yaml"
printf 'version: "1"\nmode: trace\nrules: {exempt: ["%s"]}\n' "$(readlink -f "$(command -v python3)")" \
	>"$T/exempt.yaml"

export A_TOKEN=the-secret-of-the-worker-in-its-environment
background python3 selftests/vm/attack.py secret "$T/worker"
worker=$background
unset A_TOKEN
ok 'a worker with secrets' wait_for 10 test -s "$T/worker"

attack memory "$T/worker" >"$T/without" 2>&1
ok 'without kntrl every way leads to them' all_end_in got "$T/without"
diag "$(grep -v ' got$' "$T/without")"
is "$(wc -l <"$T/without")" 17 'and all were tried'

ok 'block_ptrace' load "$T/policy.yaml"
attack memory "$T/worker" >"$T/with" 2>&1
ok 'now none does' all_end_in 'EPERM|EACCES' "$T/with"
diag "$(grep -v -E ' (EPERM|EACCES)$' "$T/with")"
is "$(wc -l <"$T/with")" 17 'and all were tried'
attack looks "$T/worker" >"$T/looks" 2>&1
ok 'ps and its kin see what they always saw' all_end_in True "$T/looks"
ok 'a process may trace its own children, in every way' sh -c \
	"python3 selftests/vm/attack.py own $T/worker >$T/own"
like "$(cat "$T/own")" '^from_an_orphan E' 'but for an orphan, whose child it is not'
ok 'and gets what it looks for' sh -c "! grep -v -e ' got$' -e '^from_an_orphan ' $T/own"
status_is 0 'or start them under a tracer' python3 selftests/vm/attack.py traced /bin/true

report=$("$(program kntrl)" report --format json)
like "$report" "\"task_name\":\"attack.py\".*\"daddr\":\"trace process $worker\".*\"denied\":true,\"rule\":\"rules.process.block_ptrace\"" \
	'the report has who traced whom'
like "$report" "\"daddr\":\"read process $worker\".*\"denied\":true,\"rule\":\"rules.process.block_ptrace\"" \
	'and who read'
unlike "$report" 'process [0-9]+".*"task_name":"ps"' 'and no ps'

ok 'monitor' load "$T/monitor.yaml"
attack memory "$T/worker" >"$T/monitored" 2>&1
ok 'denies nothing' all_end_in got "$T/monitored"
like "$("$(program kntrl)" report --format json)" \
	"\"daddr\":\"trace process $worker\".*\"mode\":\"monitor\",\"denied\":false" 'but reports it'

ok 'without the key' load "$T/off.yaml"
attack memory "$T/worker" >"$T/off" 2>&1
ok 'all is open' all_end_in got "$T/off"

# --- exempt processes ---

ok 'an exempt program' load "$T/exempt.yaml"
not_ok 'its memory is not to be read' dd "if=/proc/$worker/mem" of=/dev/null bs=1 count=1
not_ok 'nor its environment' cat "/proc/$worker/environ"
sleep 60 &
sleeper=$!
ok 'those of others are' cat "/proc/$sleeper/environ"
kill $sleeper
ok 'an address' addr_add 203.0.113.9
cat >"$T/dial.py" <<'PYTHON'
import errno, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sys.exit(3 if s.connect_ex(("203.0.113.9", 9)) == errno.EPERM else 0)
PYTHON
ok 'the program is exempt from the network rules too' python3 "$T/dial.py"
status_is 3 'but not when it runs under a tracer' \
	python3 selftests/vm/attack.py traced python3 "$T/dial.py"
done_testing
