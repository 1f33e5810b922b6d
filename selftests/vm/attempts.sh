# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# Sourced after lib.sh: the programs of selftests/bin that try to get tokens to an
# address, and recvd, which writes down the tokens that arrive.

bin=$BUILD/selftests

# start_recvd PROTO:PORT[-PORT]...: writes to $T/recvd. Before a load, so that nothing
# of it is judged.
start_recvd() {
	background "$bin/recvd" "$T/recvd" "$@"
	wait_for 10 grep -q ready "$T/recvd" || {
		# shellcheck disable=SC2154 # of lib.sh
		cat "$T/background.$jobs_started"
		return 1
	}
}

# attempt PHASE PORT PROGRAM ARGUMENT...: see by.h; PORT must be one of recvd's, for UDP.
# Adds to $T/PHASE.results.
attempt() {
	phase=$1 port=$2 program=$3
	shift 3
	"$bin/$program" "$phase" "$@" >>"$T/$phase.results" || return 1
	# All that was sent before has been written down when this has.
	wait_for 5 grep -q "got udp $port KT.$phase.done" "$T/recvd"
}

# none_loaded: no program is attached any more.
none_loaded() {
	[ -z "$(bpftool link list)" ]
}

# flows: the report, or nothing when there is none.
flows() {
	"$(program kntrl)" report --format json 2>/dev/null || :
}

# verdicts FILE: many test points at once, "0 NAME" or "1 NAME" on a line.
verdicts() {
	awk -v n="$tests" '{
		bad = $1 != "0"
		$1 = ""
		print (bad ? "not ok " : "ok ") ++n " -" $0
	}' "$1"
	tests=$((tests + $(wc -l <"$1")))
	failures=$((failures + $(grep -c -v '^0 ' "$1")))
}
