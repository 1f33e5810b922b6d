#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A hook attached by fmod_ret is skipped while its program is active on the same CPU
# (__bpf_prog_enter_recur), which a fully preemptible kernel makes easy to bring about:
# enforcement is refused there unless asked for, and then the egress backstop holds.
export BUILD="${BUILD:-$PWD/build}"
. selftests/vm/lib.sh

for kernel in 6.1 6.12; do
	out=$(scripts/vm --kernel "$kernel" --lsm nobpf --smp 1 --append preempt=full --timeout 120 \
		-- sh selftests/preempt-guest.sh 2>&1)
	value() {
		printf '%s\n' "$out" | sed -n "s/^$1=//p"
	}
	echo "# $kernel: $(printf '%s' "$out" | tr '\n' ' ')"
	ok "$kernel: without kntrl the datagrams arrive" test "$(value heard_without)" -gt 0
	is "$(value status)" 3 "$kernel: preempt=full without bpf in lsm= is refused"
	is "$(value refusal)" named "$kernel: and the message says why"
	is "$(value accepted)" 0 "$kernel: --accept-preempt loads all the same"
	ok "$kernel: the hook was skipped, and the report says so" \
		test "$(value report | tr -dc '0-9' | head -c 12)" -gt 0
	ok "$kernel: thousands of attempts were made" test "$(value tried)" -gt 1000
	is "$(value "done")" 0 "$kernel: none was reported as done"
	is "$(value heard)" 0 "$kernel: and not one datagram arrived"
done
done_testing
