#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kntrl run: a command and all that comes of it under a policy of its own; signals,
# terminal and exit status pass through; nothing outlives the policy.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
A=203.0.113.1 B=203.0.113.2
defer unload
echo 1 >/sys/kernel/rcu_expedited
defer 'echo 0 >/sys/kernel/rcu_expedited'

policy() {
	printf 'version: "1"\nmode: trace\nrules: {network: {allow_local_ranges: false, allowed_ips: [%s]}}\n' \
		"$2" >"$T/$1.yaml"
}

# may: which of the two addresses the command may connect to, and exit with 3.
cat >"$T/may" <<'BASH'
#!/bin/bash
for address in 203.0.113.1 203.0.113.2; do
	(exec 3<>"/dev/tcp/$address/443") 2>/dev/null && echo "may $address"
done
exit 3
BASH
chmod 755 "$T" "$T/may"
ok 'addresses' addr_add $A $B
ok 'listeners' listen tcp:$A:443 tcp:$B:443
policy onlyA $A
policy onlyB $B
policy wrong 300.1.1.1

is "$("$T/may")" "may $A
may $B" 'without kntrl both are open'

# --- one run ---

got=$("$kntrl" run "$T/onlyA.yaml" -- "$T/may" 2>"$T/err")
is $? 3 "the command's status"
is "$got" "may $A" 'under its policy, with its output alone on stdout'
like "$(cat "$T/err")" "\\| may .*\\| tcp .*$B:443 .*block" 'then the report'
not_ok 'and nothing stays loaded' test -e /sys/fs/bpf/kntrl

# From here on something else keeps the programs loaded, which saves time.
printf 'version: "1"\nmode: monitor\n' >"$T/host.yaml"
ok 'a policy of the host that only watches' load "$T/host.yaml"
status_is 10 '--fail-on block' "$kntrl" run --fail-on block "$T/onlyA.yaml" -- "$T/may"
status_is 3 'a report in a file' "$kntrl" run --format markdown -o "$T/summary" "$T/onlyA.yaml" -- "$T/may"
like "$(cat "$T/summary")" '^\| may \| .*203&#46;0&#46;113&#46;2&#58;443 \| denied \|' 'as Markdown'
status_is 0 'when nothing was blocked' "$kntrl" run --fail-on block "$T/onlyA.yaml" -- true
ok 'stdin passes' sh -c "echo words | '$kntrl' run '$T/onlyA.yaml' -- grep -q words"
is "$("$kntrl" run --user nobody "$T/onlyA.yaml" -- id -un 2>/dev/null)" nobody 'as another user'

# --- what goes wrong ---

status_is 127 'a command that is not there' "$kntrl" run "$T/onlyA.yaml" -- "$T/none"
status_is 126 'one that is none' "$kntrl" run "$T/onlyA.yaml" -- "$T/onlyA.yaml"
status_is 2 'a wrong policy: nothing is run' "$kntrl" run "$T/wrong.yaml" -- touch "$T/ran"
not_ok 'it is not' test -e "$T/ran"
status_is 1 'no command' "$kntrl" run "$T/onlyA.yaml"
like "$(cat "$T/log")" 'policy\.yaml -- make' 'is told how it is done'
status_is 1 'no such user' "$kntrl" run --user nobody-of-that-name "$T/onlyA.yaml" -- true

# --- signals ---

cat >"$T/trap" <<'SH'
#!/bin/sh
trap 'exit 42' TERM
echo ready
while :; do sleep 0.1; done
SH
chmod 755 "$T/trap"
"$kntrl" run "$T/onlyA.yaml" -- "$T/trap" >"$T/out" 2>&1 &
run=$!
wait_for 20 grep -q ready "$T/out"
kill -TERM $run
wait $run
is $? 42 'SIGTERM goes to the command'
# shellcheck disable=SC2016 # the inner shell expands it
status_is 137 'a command that is killed' "$kntrl" run "$T/onlyA.yaml" -- sh -c 'kill -9 $$'
got=$(python3 - "$kntrl" "$T/onlyA.yaml" <<'PYTHON'
# ^C in a terminal reaches the command once, and kntrl not at all.
import os, pty, sys, time
pid, tty = pty.fork()
if not pid:
    os.execv(sys.argv[1], [sys.argv[1], "run", sys.argv[2], "--", "bash", "-c",
             "n=0; trap 'n=$((n + 1))' INT; tty -s && echo ready; sleep 1; sleep 1; exit $((40 + n))"])
said = b""
try:
    while True:
        said += os.read(tty, 4096)
        if b"ready" in said:
            time.sleep(0.2)
            os.write(tty, b"\x03")
            said = b""
except OSError:
    pass
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
)
is "$got" 41 'the terminal is its own, and ^C reaches it once'

# --- nothing outlives the policy ---

cat >"$T/leave" <<'SH'
#!/bin/bash
(setsid bash -c 'while :; do (exec 3<>/dev/tcp/203.0.113.2/443) && touch "$1"; sleep 0.05; done' \
	- "$1" >/dev/null 2>&1 &)
sleep 0.3
SH
chmod 755 "$T/leave"
"$kntrl" run "$T/onlyA.yaml" -- "$T/leave" "$T/escaped" 2>"$T/err"
like "$(cat "$T/err")" 'left running is killed' 'what is left is killed'
sleep 0.5
not_ok 'and reached nothing' test -e "$T/escaped"

# --- several at once ---

ok 'without a policy of the host' unload

for n in A B; do
	"$kntrl" run "$T/only$n.yaml" -- bash -c "until test -e '$T/both'; do sleep 0.1; done; '$T/may'" \
		>"$T/out$n" 2>"$T/err$n" &
	eval "run$n=$!"
done
trees() {
	[ "$("$kntrl" status --json | grep -o '"root":[1-9]' | wc -l)" = "$1" ]
}
ok 'two runs at once' wait_for 30 trees 2
connects $B 443
is $? 0 'the host itself is under neither'
touch "$T/both"
# shellcheck disable=SC2154 # eval sets them
wait "$runA"
# shellcheck disable=SC2154
wait "$runB"
is "$(cat "$T/outA") $(cat "$T/outB")" "may $A may $B" 'each has its own policy'
like "$(cat "$T/errA")" "$B:443 .*block" 'and its own report'
unlike "$(cat "$T/errA")" "$A:443 .*block" 'without what the other was denied'
not_ok 'the last one unloads' test -e /sys/fs/bpf/kntrl

# --- beside the policy of the host ---

ok "the host's policy" "$(program kntrl-load)" "$T/onlyA.yaml"
is "$("$kntrl" run "$T/onlyB.yaml" -- "$T/may" 2>/dev/null)" '' 'both hold'
ok "the host's stays" connects $A 443
not_ok 'in force' connects $B 443
done_testing
