#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The harness itself: that scripts/vm and selftests/run tell of all that goes wrong.
# shellcheck disable=SC2016 # what is quoted is for the guest's shell
export BUILD="${BUILD:-$PWD/build}"
. selftests/vm/lib.sh
# What filters or tunes the outer run is not for the inner ones.
unset TEST CONFIG V

vm() {
	scripts/vm --timeout 120 "$@" 2>"$T/err"
}

# shellcheck disable=SC2317 # called by status_is
run() {
	KNTRL_VM_TESTS=$T/vm KNTRL_SKIPS_ALLOW=$T/vm/skips KNTRL_RESULTS=$T/results \
		TEST_TIMEOUT=5 CONFIG=6.1-bpf selftests/run
}

# test_file NAME: its body is on stdin.
test_file() {
	{
		echo '#!/bin/sh'
		cat
	} >"$T/vm/$1"
	chmod +x "$T/vm/$1"
}

# --- scripts/vm ------------------------------------------------------------

hosts=$(cat /etc/hosts)
got=$(vm --out "$T/out" -- sh -c 'printf "%s|" "$@"; echo x >>/etc/hosts; : >$0/made; exit 7' \
	"$T/out" "it's" '$HOME "two  words"' 'two
lines' '' && echo 0 || echo $?)
is "$got" "it's|\$HOME \"two  words\"|two
lines||7" 'arguments, output and exit status come through unchanged'
is "$(cat /etc/hosts)" "$hosts" 'what the guest writes to /etc stays in the guest'
ok 'what it writes to --out is here' test -e "$T/out/made"

status_is 124 'a splat is an error, whatever the command says' \
	vm -- sh -c 'echo "WARNING: a probe" >/dev/kmsg'
like "$(cat "$T/err")" 'WARNING: a probe' 'and is shown'
echo 'WARNING: a probe # the reason' >"$T/allow"
KNTRL_DMESG_ALLOW=$T/allow status_is 5 'unless it is allowed' \
	vm -- sh -c 'echo "WARNING: a probe" >/dev/kmsg; exit 5'
echo 'WARNING: a probe' >"$T/allow"
KNTRL_DMESG_ALLOW=$T/allow status_is 125 'but not without a reason' vm -- true
status_is 125 'a log that was cleared is not a clean log' vm -- dmesg -C
status_is 124 'a panic is no exit status' vm -- sh -c 'echo c >/proc/sysrq-trigger'
like "$(cat "$T/err")" 'panicked' 'and is told as such'
status_is 125 'a timeout neither' scripts/vm --timeout 3 -- sleep 100
like "$(cat "$T/log")" 'timeout' 'and is told as such'
status_is 125 'silence neither' scripts/vm --silence 3 -- sleep 100
like "$(cat "$T/log")" 'nothing printed for 3 s' 'and is told as such'
KNTRL_BEAT_LIMIT=12 status_is 125 'nor a machine that gives no sign of life' \
	scripts/vm -- sh -c 'pkill -STOP -f "/run/vm/init second"; while sleep 1; do echo; done'
like "$(cat "$T/log")" 'no sign of life for 12 s' 'and is told as such'
like "$(cat "$T/log")" 'RIP=' 'with what the CPUs did'
like "$(cat "$T/log")" 'Show Blocked State' 'and the tasks'
KNTRL_BEAT_LIMIT=12 status_is 0 'while one that is only quiet lives' scripts/vm -- sleep 16
status_is 2 'an unknown option is refused' vm --no-such-option -- true
status_is 125 'so is a kernel that is none' vm --kernel /dev/null -- true

scripts/vm -- sleep 100 >/dev/null 2>&1 &
pid=$!
ok 'a machine starts' wait_for 20 pgrep -P "$pid" -f '^timeout .*initrd'
tmp=$(pgrep -P "$pid" -a -f "^timeout .*initrd" | sed -n 's/.*-initrd \([^ ]*\)\/initrd .*/\1/p')
ok 'in a directory of its own' test -d "$tmp"
children=$(pgrep -P "$pid" -d ' ')
kill "$pid"
wait "$pid"
is $? 143 'it ends when it is told to'
not_ok 'and leaves no directory' test -e "$tmp"
# shellcheck disable=SC2086 # a list
not_ok 'nor a process' ps -p "$(echo $children | tr ' ' ,)"

# --- selftests/run ---------------------------------------------------------

mkdir "$T/vm"
test_file 10-good.sh <<'TEST'
printf 'ok 1 - one\nok 2 - two\n1..2\n'
TEST
test_file 11-bad.sh <<'TEST'
printf 'ok 1 - one\nnot ok 2 - a bad one\n1..2\n'
TEST
test_file 12-noplan.sh <<'TEST'
printf 'ok 1 - one\n'
TEST
test_file 13-status.sh <<'TEST'
printf 'ok 1 - one\n1..1\n'
exit 3
TEST
test_file 14-skip.sh <<'TEST'
printf 'ok 1 - known # SKIP for want of it\nok 2 - new # SKIP for want of it\n1..2\n'
TEST
test_file 15-process.sh <<'TEST'
setsid sleep 100 >/dev/null 2>&1 &
printf 'ok 1 - one\n1..1\n'
TEST
test_file 16-pin.sh <<'TEST'
mount -t bpf bpf /sys/fs/bpf
bpftool map create /sys/fs/bpf/kntrl_probe type array key 4 value 4 entries 1 name probe
printf 'ok 1 - one\n1..1\n'
TEST
test_file 17-hang.sh <<'TEST'
printf 'ok 1 - one\n1..1\n'
sleep 100
TEST
test_file 18-short.sh <<'TEST'
printf 'ok 1 - one\n1..2\n'
TEST
test_file 19-clean.sh <<'TEST'
[ -z "$(ls -A /sys/fs/bpf)" ] && ! pgrep -x sleep && printf 'ok 1 - one\n1..1\n'
TEST
echo '* 14-skip.sh: known # the reason' >"$T/vm/skips"
status_is 1 'a run with failures fails' run
log=$(cat "$T/log")
for line in '11-bad.sh: a bad one' '12-noplan.sh: no plan' '13-status.sh: exit status 3' \
	'14-skip.sh: new \(skipped: for want of it' '15-process.sh: left running: sleep' \
	'16-pin.sh: left pinned: .*kntrl_probe' '17-hang.sh: exit status 124 \(timeout' \
	'18-short.sh: planned 2 points, ran 1'; do
	like "$log" "^FAILED: 6.1-bpf/$line" "it names ${line%%:*}"
done
like "$log" '^skipped, as allowed: 6.1-bpf/14-skip.sh: known' 'and what may be skipped'
is "$(tail -n 1 "$T/log")" '10 passed, 8 failed' 'and counts them right'

rm "$T"/vm/1[1-8]*
status_is 0 'a run without failures succeeds' run
is "$(tail -n 1 "$T/log")" '3 passed, 0 failed' 'and counts them right'
test_file 20-splat.sh <<'TEST'
echo 'BUG: a probe' >/dev/kmsg
printf 'ok 1 - one\n1..1\n'
TEST
status_is 1 'a splat fails the run' run
is "$(tail -n 1 "$T/log")" '4 passed, 1 failed' 'and is counted'
test_file 20-splat.sh <<'TEST'
echo c >/proc/sysrq-trigger
TEST
status_is 1 'so does a panic' run
like "$(cat "$T/log")" '^FAILED: 6.1-bpf/20-splat.sh: did not run' 'and what it kept from running'
rm "$T"/vm/20*
test_file 20-hang.sh <<'TEST'
dir=$(awk '$1 == "out" { print $2 }' /proc/mounts)
[ -e "$dir/seen" ] || {
	: >"$dir/seen"
	pkill -STOP -f '/run/vm/init second'
	sleep 100
}
printf 'ok 1 - one\n1..1\n'
TEST
test_file 21-after.sh <<'TEST'
printf 'ok 1 - one\n1..1\n'
TEST
# shellcheck disable=SC2317 # called by status_is
run_hung() {
	KNTRL_VM_TESTS=$T/vm KNTRL_SKIPS_ALLOW=$T/vm/skips KNTRL_RESULTS=$T/results \
		TEST_TIMEOUT=60 KNTRL_BEAT_LIMIT=12 CONFIG=6.1-bpf selftests/run
}
status_is 0 'a machine that hangs is replaced' run_hung
like "$(cat "$T/log")" '^PASSED ON THE SECOND MACHINE, .*: 6.1-bpf/20-hang.sh' 'which is said'
is "$(tail -n 1 "$T/log")" '5 passed, 0 failed' 'and nothing is counted twice'
test_file 20-hang.sh <<'TEST'
pkill -STOP -f '/run/vm/init second'
sleep 100
TEST
status_is 1 'but once only' run_hung
like "$(cat "$T/log")" '^FAILED: 6.1-bpf/20-hang.sh: did not run' 'what hangs twice has failed'
rm "$T"/vm/[12]*
status_is 1 'so does a run of no tests' run
echo 'no reason' >"$T/vm/skips"
status_is 1 'so does an allowed skip without a reason' run

done_testing
