#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Replacing a policy under load: no verdict is wrong for it, none outlives it, and
# what cannot be replaced stands.
. selftests/vm/lib.sh

RELOADS=200
P=/sys/fs/bpf/kntrl
puppet=$(program selftests/puppet)
client=$(program selftests/reload_client)
loader=$(program kntrl-load)

# policy NAME ENTRY...: allows these.
policy() {
	name=$1
	shift
	{
		printf 'version: "1"\nmode: trace\nrules:\n  network:\n'
		printf '    allow_local_ranges: false\n    allowed_ips:\n'
		printf '      - "%s"\n' "$@"
	} >"$T/$name.yaml"
}

# told COMMAND...: what the puppet answers.
told() {
	"$puppet" tell "$T/puppet" "$@" 2>&1
}

generation() {
	bpftool -j map lookup pinned "$P/scopes" key 0 0 0 0 | python3 -c '
import json, sys
print(json.load(sys.stdin)["formatted"]["value"]["generation"])'
}

# The numbers of all links and of the programs behind them, by pin.
links() {
	for pin in "$P"/link_*; do
		echo "$pin $(bpftool link show pinned "$pin" | head -n 1)"
	done
}

ok 'addresses' addr_add 203.0.113.7 203.0.113.8
ok 'more addresses' ip route add local 192.0.2.0/24 dev lo
defer 'ip route del local 192.0.2.0/24 dev lo'
ok 'listeners' listen tcp:203.0.113.7:443 tcp:203.0.113.8:443 udp:203.0.113.7:443 udp:203.0.113.8:443

# --- two policies that agree on two destinations, and on nothing else ---

# Around 203.0.113.7: the address itself, or prefixes that cover it, and other ports.
# shellcheck disable=SC2046 # a list of addresses
policy one 203.0.113.7 203.0.113.8:444 $(seq -f '198.51.100.%g' 1 250) 192.0.2.1
policy two 203.0.113.0/29:400-500 203.0.113.0/24:80 '203.0.113.8/32:1-442' 192.0.2.2 2001:db8::/32
cat >>"$T/two.yaml" <<'YAML'
    profiles:
      - process: npm
        allowed_cidrs: [203.0.113.8]
  process:
    blocked_chains:
      - process: curl
        ancestors: [npm]
YAML
background "$puppet" serve "$T/puppet"
ok 'the first policy' load "$T/one.yaml"
links=$(links)
before=$(generation)
like "$(told connect 192.0.2.1 9),$(told connect 192.0.2.2 9)" '^ok,EPERM$' 'one allows 192.0.2.1 alone'

background "$client" 203.0.113.7 203.0.113.8 443
# shellcheck disable=SC2154 # lib.sh has it
report=$T/background.$jobs_started
wait_for 10 grep -q ready "$report" || bail 'no client'

reload_all() {
	i=0
	while [ $i -lt $RELOADS ]; do
		"$loader" "$T/two.yaml" && "$loader" "$T/one.yaml" || return 1
		i=$((i + 2))
	done
}
start=$(date +%s)
ok "$RELOADS reloads" reload_all
diag "$RELOADS reloads in $(($(date +%s) - start)) s"
# shellcheck disable=SC2154 # lib.sh has it
kill "$background"
wait "$background"
is $? 0 'not one wrong verdict'
diag "$(cat "$report")"
like "$(cat "$report")" '^rounds [1-9][0-9]{2,} wrong 0$' 'of hundreds'
is "$(generation)" $((before + RELOADS)) 'the generation counts them'
is "$(links)" "$links" 'no link was detached: the same numbers and programs'
unlike "$("$(program kntrl)" report)" 'could not be decided' 'nothing was left undecided'

# --- the same process, the same sockets ---

policy to7 203.0.113.7
policy to8 203.0.113.8
reload() {
	"$loader" "$@" 2>"$T/log" || bail "cannot load: $(cat "$T/log")"
}
say_both() {
	echo "$(told "$1" 203.0.113.7 443) $(told "$1" 203.0.113.8 443)"
}
reload "$T/to7.yaml"
for how in connect send thread; do
	is "$(say_both $how)" 'ok EPERM' "$how: 203.0.113.7 is allowed"
done
reload "$T/to8.yaml"
for how in connect send thread; do
	is "$(say_both $how)" 'EPERM ok' "$how: after the reload 203.0.113.8 is"
done
reload --mode monitor "$T/to7.yaml"
is "$(say_both send)" 'ok ok' 'in monitor mode both pass'
reload "$T/to7.yaml"
is "$(say_both send)" 'ok EPERM' 'and back'

is_looping() {
	[ "$(told count)" -gt 100 ]
}
# A verdict that is being used all the time ends with the load.
told loop 203.0.113.7 443 >/dev/null
wait_for 10 is_looping || bail 'no loop'
reload "$T/to8.yaml"
before=$(told count)
sleep 0.3
is "$(told count)" "$before" 'no connection succeeds once a load that forbids it is done'

# --- what cannot be replaced stands ---

printf 'version: "1"\nmode: trace\nrules:\n  network:\n    allowed_ips: [203.0.113.7, 10.0.0.0/33]\n' \
	>"$T/broken.yaml"
before=$(generation)
status_is 2 'a broken policy is refused' "$loader" "$T/broken.yaml"
like "$(cat "$T/log")" 'broken\.yaml:5:[0-9]+: rules\.network\.allowed_ips\[1\]: "10\.0\.0\.0/33"' \
	'by its place'
printf 'version: "1"\nmode: trace\nrules:\n  network:\n    allow_github_meta: true\n' >"$T/ranges.yaml"
echo '{"actions": ["192.0.2.0/33"]}' >"$T/meta.json"
status_is 2 'so is one whose data are' "$loader" --github-meta "$T/meta.json" "$T/ranges.yaml"
like "$(cat "$T/log")" 'meta\.json: actions\[0\]' 'by their place'
status_is 2 'or not readable' "$loader" "$T/none.yaml"
is "$(say_both send)" 'EPERM ok' 'the policy before stands'
is "$(generation)" "$before" 'and is the same one'

# --- two at once ---

# Each allows one address that no other does: a mix would be seen.
for n in 1 2 3 4; do
	policy "at$n" "192.0.2.1$n"
done
allowed_now() {
	for n in 1 2 3 4; do
		if [ "$(told connect "192.0.2.1$n" 9)" = ok ]; then
			echo "192.0.2.1$n"
		fi
	done
}
at_once() {
	loaders=
	for n in 1 2 3 4; do
		"$loader" "$T/at$n.yaml" &
		loaders="$loaders $!"
	done
	for pid in $loaders; do
		wait "$pid" || return 1
	done
}
for round in 1 2 3; do
	ok "four loaders at once all end well ($round)" at_once
	is "$(allowed_now | wc -l)" 1 'one of the four is in force, whole'
done
is "$(generation)" $((before + 12)) 'each had its turn'
is "$(links)" "$links" 'and none has touched the links'

# Two first loads: one makes the engine, the other finds it.
unload
ok 'two first loads at once' at_once
is "$(allowed_now | wc -l)" 1 'one of the four is in force'
is "$(generation)" 4 'in one engine'
is "$(find "$P"_new 2>/dev/null)" '' 'nothing is left beside it'

done_testing
