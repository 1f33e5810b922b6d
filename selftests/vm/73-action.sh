#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The GitHub Action: its two steps under node, with the environment that a runner
# gives them.
. selftests/vm/lib.sh

A=203.0.113.1 B=203.0.113.2
kntrl=$(program kntrl)
action=$PWD/scripts/action
defer "'$kntrl' stop"
chmod 755 "$T"
ok 'addresses' addr_add $A $B
ok 'listeners' listen tcp:$A:443 tcp:$B:443

# step NAME INPUT=VALUE...: with inputs as the runner passes them; what it told the
# runner is in $T/state, $T/output and $T/summary.
# shellcheck disable=SC2317 # called by status_is
step() {
	script=$action/$1.js
	shift
	for pair; do
		shift
		set -- "$@" "INPUT_$pair"
	done
	: >"$T/output"
	env RUNNER_TEMP="$T" GITHUB_STATE="$T/state" GITHUB_OUTPUT="$T/output" \
		GITHUB_STEP_SUMMARY="$T/summary" STATE_kntrl="$(sed -n 2p "$T/state" 2>/dev/null)" \
		STATE_token="$(sed -n 5p "$T/state" 2>/dev/null)" \
		INPUT_KNTRL_PATH="$kntrl" INPUT_OUTPUT_FILE="$T/events" "$@" node "$script"
}

# Every input of action.yml is read, and none that is not there.
inputs=$(sed -n '/^inputs:/,/^outputs:/s/^  \([a-z_]*\):$/\1/p' "$action/action.yml" | sort)
is "$(grep -ho '\(input\|words\|list\|truth\)("[a-z_]*"' "$action"/*.js | sed 's/.*("//; s/"//' | sort -u)" \
	"$inputs" 'action.yml has the inputs that the steps read'

# --- what is wrong fails the step ---

status_is 1 'a list that is no JSON' step main NETWORK_PROFILES='[{]'
like "$(cat "$T/log")" '::error title=kntrl::network_profiles: not JSON' 'is told'
status_is 1 'a wrong address' step main ALLOWED_IPS=300.1.1.1
not_ok 'nothing is loaded' test -e /sys/fs/bpf/kntrl
ok 'the post step of a failed start has nothing to do' step post
not_ok 'nor to say' test -e "$T/summary"

# --- a job ---

printf 'version: "1"\nmode: trace\nrules: {self_protect: true, network: {allow_local_ranges: true}}\n' \
	>"$T/custom.yaml"
ok 'the main step' step main ALLOWED_IPS=" $A:443," ALLOW_LOCAL_RANGES=false \
	CUSTOM_RULES_FILE="$T/custom.yaml" \
	EXTRA_BLOCKED_CHAINS='[{"process": "bash", "ancestors": ["never"]}]'
is "$(sed -n 2p "$T/output")" "$T/events" 'names the output file'
ok 'what the inputs allow passes' connects $A 443
not_ok 'in the mode of the custom rules, the rest does not' connects $B 443
not_ok 'which the job cannot end' "$kntrl" stop
not_ok 'nor by removing it' rm -r /sys/fs/bpf/kntrl
not_ok 'and denies still' connects $B 443
status_is 1 'the post step fails the job' step post FAIL_ON=block
like "$(cat "$T/log")" '::error title=kntrl::.*\(block\)' 'and says so'
like "$(cat "$T/log")" '^::stop-commands::' 'with what processes made up kept from the runner'
like "$(cat "$T/summary")" '203&#46;0&#46;113&#46;2&#58;443' 'the summary has what was blocked'
not_ok 'and all is over' test -e /sys/fs/bpf/kntrl
ok 'and open' connects $B 443
done_testing
