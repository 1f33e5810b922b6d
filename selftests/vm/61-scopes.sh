#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Policies for a part of the processes: the tree of one, or the members of a cgroup.
# Who is born into a scope stays there, and no other policy takes him over.
. selftests/vm/lib.sh

loader=$(program kntrl-load)
puppet=$(program selftests/puppet)
A=203.0.113.1 B=203.0.113.2

# told NAME COMMAND...: what that puppet answers.
told() {
	name=$1
	shift
	"$puppet" tell "$T/$name" "$@" 2>&1
}

start() {
	background "$puppet" serve "$T/$1"
	told "$1" pid >/dev/null
}

# may NAME: which of the two addresses it may connect to.
may() {
	got=
	for name in A B; do
		address=$A
		[ $name = A ] || address=$B
		answer=$(told "$1" connect $address 9)
		case $answer in
		ok) got="$got$name" ;;
		EPERM) ;;
		*) got="$got($answer)" ;;
		esac
	done
	echo "${got:-none}"
}

all_may() {
	for who in $1; do
		is "$(may "$who")" "$2" "$who may: $2"
	done
}

# policy NAME MODE ADDRESS...
policy() {
	name=$1 mode=$2
	shift 2
	{
		printf 'version: "1"\nmode: %s\nrules:\n  network:\n' "$mode"
		printf '    allow_local_ranges: false\n'
		[ $# = 0 ] || printf '    allowed_ips:\n'
		[ $# = 0 ] || printf '      - %s\n' "$@"
	} >"$T/$name.yaml"
}

# In case of failure.
kill_puppets() {
	find /proc -maxdepth 2 -name exe -lname "$puppet" 2>/dev/null | cut -d/ -f3 | xargs -r kill
}
defer kill_puppets

echo 1 >/sys/kernel/rcu_expedited
defer 'echo 0 >/sys/kernel/rcu_expedited'
ok 'addresses' addr_add $A $B
policy onlyA trace $A
policy onlyB trace $B
policy both trace $A $B
policy none trace

# --- a tree ---

start tree
tree=$(told tree pid)
start outsider
told tree fork "$T/child" >/dev/null
told tree setsid "$T/session" >/dev/null
told child fork "$T/grandchild" >/dev/null
told tree loop $B 9 >/dev/null
all_may 'tree child session grandchild outsider' AB

ok 'a tree' load --scope "tree:$tree" "$T/onlyA.yaml"
before=$(told tree count)
sleep 0.2
is "$(told tree count)" "$before" 'a verdict that was in use has ended with the load'
all_may 'tree child session grandchild' A
is "$(told tree thread $B 9)" EPERM 'threads are in it'
is "$(told tree raw)" EPERM 'so it is with raw sockets'
all_may outsider AB
is "$(told outsider raw)" ok 'who may make raw sockets'
ok 'nor is this shell affected' bash -c "exec 3<>/dev/udp/$B/9"

for how in fork setsid orphan exec; do
	told tree $how "$T/later-$how" >/dev/null
done
all_may 'later-fork later-setsid later-orphan later-exec' A
is "$(ps -o ppid= -p "$(told later-orphan pid)" | tr -d ' ')" 1 'of whom one is an orphan'
told later-orphan orphan "$T/orphans-orphan" >/dev/null
all_may orphans-orphan A

ok 'a reload' load --scope "tree:$tree" "$T/onlyB.yaml"
all_may 'tree grandchild later-orphan orphans-orphan' B
all_may outsider AB

# --- two trees ---

start other
other=$(told other pid)
ok 'another tree' load --scope "tree:$other" "$T/onlyA.yaml"
told other orphan "$T/others-orphan" >/dev/null
all_may 'tree later-orphan' B
all_may 'other others-orphan' A

kill -9 "$tree"
all_may 'child later-exec' B
ok 'a policy can be ended though the root of the tree has' "$loader" --unload --scope "tree:$tree"
all_may 'child grandchild later-orphan session' AB
all_may 'other others-orphan' A
status_is 1 'but not twice' "$loader" --unload --scope "tree:$tree"
like "$(cat "$T/log")" 'that scope has no policy' 'which is said'

# --- what was in a scope is in no later one ---

start third
ok 'a third tree takes the free number' load --scope "tree:$(told third pid)" "$T/none.yaml"
all_may third none
all_may 'child grandchild later-orphan session' AB

# Another process with the root's old number: its orphans are not its own.
kill -9 "$other"
# shellcheck disable=SC2317 # called by wait_for
takes_number() {
	[ "$(told outsider clone-pid "$other" "$T/namesake")" = ok ]
}
wait_for 10 takes_number	# once the killed one is reaped
is "$(told namesake pid)" "$other" 'another process has the number of a root'
all_may namesake AB
ok 'a tree of its own' load --scope "tree:$other" "$T/onlyB.yaml"
all_may namesake B
all_may others-orphan A
told namesake fork "$T/namesakes-child" >/dev/null
all_may namesakes-child B
ok 'is ended' "$loader" --unload --scope "tree:$other"
all_may 'namesake namesakes-child' AB
all_may others-orphan A

status_is 1 'no such process' "$loader" --scope tree:4194303 "$T/both.yaml"
like "$(cat "$T/log")" 'tree:4194303: no such process' 'which is said'
status_is 2 'a wrong policy changes nothing' "$loader" --scope "tree:$other" "$T/no-such.yaml"
all_may namesake AB

# --- loaded from within ---

# shellcheck disable=SC2016 # the inner sh expands them
within='"$0" --scope tree:$$ "$1" && "$0" --scope tree:$$ "$2" && "$0" --unload --scope tree:$$'
ok 'a shell in a tree that may nothing loads another policy for it' \
	sh -c "$within" "$loader" "$T/none.yaml" "$T/onlyB.yaml"

# --- scopes within scopes ---

unload
start one
ok 'the host' load "$T/onlyA.yaml"
ok 'a tree in it, with a policy that is laxer here and stricter there' \
	load --scope "tree:$(told one pid)" "$T/onlyB.yaml"
all_may one none
all_may outsider A
load --scope "tree:$(told one pid)" "$T/both.yaml" 2>/dev/null
all_may one A
load "$T/both.yaml" 2>/dev/null
load --scope "tree:$(told one pid)" "$T/onlyB.yaml" 2>/dev/null
all_may one B
all_may outsider AB
ok 'a tree in that tree' sh -c "$puppet tell $T/one fork $T/two >/dev/null"
ok 'has its own' load --scope "tree:$(told two pid)" "$T/both.yaml"
all_may two B
load --scope "tree:$(told one pid)" "$T/both.yaml" 2>/dev/null
load --scope "tree:$(told two pid)" "$T/onlyA.yaml" 2>/dev/null
all_may two A
all_may one AB
told two fork "$T/three" >/dev/null
ok 'a fourth, the host counted' load --scope "tree:$(told three pid)" "$T/both.yaml"
told three fork "$T/four" >/dev/null
ok 'and a fifth' load --scope "tree:$(told four pid)" "$T/both.yaml"
all_may 'three four' A
ok 'the middle one ends' "$loader" --unload --scope "tree:$(told two pid)"
all_may 'two three four' AB
load --scope "tree:$(told one pid)" "$T/onlyB.yaml" 2>/dev/null
all_may 'one two three four' B
ok 'the host ends' "$loader" --unload --scope host
all_may 'one two three four' B
all_may outsider AB

# The outer one comes last.
unload
start outer
told outer fork "$T/inner" >/dev/null
told inner fork "$T/inmost" >/dev/null
told inner loop $A 9 >/dev/null
ok 'a tree' load --scope "tree:$(told inner pid)" "$T/onlyA.yaml"
all_may 'inner inmost' A
ok 'a tree around it' load --scope "tree:$(told outer pid)" "$T/onlyB.yaml"
before=$(told inner count)
sleep 0.2
is "$(told inner count)" "$before" 'a verdict of the inner one alone has ended'
told inner orphan "$T/inners-orphan" >/dev/null
all_may outer B
all_may 'inner inmost inners-orphan' none
ok 'the inner one ends' "$loader" --unload --scope "tree:$(told inner pid)"
all_may 'outer inner inmost inners-orphan' B
ok 'and is back' load --scope "tree:$(told inner pid)" "$T/both.yaml"
ok 'without the outer one' "$loader" --unload --scope "tree:$(told outer pid)"
all_may outer AB
load --scope "tree:$(told inner pid)" "$T/onlyA.yaml" 2>/dev/null
all_may 'inner inmost' A

# --- cgroups ---

unload
C=/sys/fs/cgroup/scopes
mkdir -p $C/sub $C-other
defer "rmdir $C/sub $C $C-other"
defer kill_puppets
enter() {
	told "$2" pid >"$1/cgroup.procs"
}
for name in member mover multi below; do
	start $name
done
enter $C member
enter $C/sub below
all_may 'member mover multi below' AB
ok 'a cgroup' load --scope cgroup:/scopes "$T/onlyA.yaml"
all_may 'member below' A
all_may 'mover outsider' AB

enter $C mover
all_may mover A
told mover fork "$T/movers-child" >/dev/null
told mover orphan "$T/movers-orphan" >/dev/null
told mover exec "$T/movers-exec" >/dev/null
all_may 'movers-child movers-orphan movers-exec' A

is "$(told multi thread $B 9)" ok 'a thread of a process outside may'
told multi loop $B 9 >/dev/null
enter $C multi
is "$(told multi thread $B 9)" EPERM 'not when the process is moved in'
before=$(told multi count)
sleep 0.2
is "$(told multi count)" "$before" 'and a verdict in use ends'

is "$(told outsider clone $C "$T/cloned")" ok 'a child of an outsider, born in the cgroup'
all_may cloned A
all_may outsider AB
is "$(told member clone $C-other "$T/cloned-out")" ok 'a child of a member, born outside'
all_may cloned-out A

for name in member mover multi cloned; do
	enter $C-other $name
done
all_may 'member mover multi cloned' A
is "$(told multi thread $B 9)" EPERM 'who leaves the cgroup does not leave the scope'
told member fork "$T/members-child" >/dev/null
all_may members-child A

# As far as it leads into the cgroup: by mount point, too.
load --scope "cgroup:$C" "$T/onlyB.yaml" 2>/dev/null
all_may 'member below cloned members-child' B
status_is 1 'no such cgroup' "$loader" --scope cgroup:/no-such "$T/both.yaml"
like "$(cat "$T/log")" 'cgroup:/?no-such: no such cgroup' 'which is said'
status_is 1 'nor the root' "$loader" --scope cgroup:/ "$T/both.yaml"
status_is 1 'nor what is no cgroup' "$loader" --scope cgroup:/etc "$T/both.yaml"

ok 'a tree in the cgroup' load --scope "tree:$(told below pid)" "$T/onlyA.yaml"
all_may below none
ok 'the host around it' load "$T/onlyB.yaml"
all_may 'outsider member' B
all_may below none
ok 'the cgroup ends' "$loader" --unload --scope cgroup:/scopes
all_may 'member mover multi cloned outsider' B
all_may below none
unload

# --- cgroups within cgroups, in either order, and across trees ---

for name in down up side across; do
	start $name
done
enter $C/sub down
enter $C up
ok 'a cgroup' load --scope cgroup:/scopes "$T/onlyA.yaml"
ok 'one below it' load --scope cgroup:/scopes/sub "$T/onlyB.yaml"
all_may down none
all_may up A
load --scope cgroup:/scopes/sub "$T/both.yaml" 2>/dev/null
all_may 'down up' A
unload
ok 'a cgroup' load --scope cgroup:/scopes/sub "$T/onlyB.yaml"
all_may down B
all_may up AB
ok 'one above it' load --scope cgroup:/scopes "$T/onlyA.yaml"
all_may down none
all_may up A
ok 'the lower one ends' "$loader" --unload --scope cgroup:/scopes/sub
all_may 'down up' A
ok 'one beside it' load --scope cgroup:/scopes-other "$T/onlyB.yaml"
all_may 'down up' A
enter $C-other up
all_may up none
ok 'a tree half in one, half in the other' \
	load --scope "tree:$(told side pid)" "$T/both.yaml"
told side fork "$T/sides-child" >/dev/null
enter $C-other side
enter $C sides-child
all_may side B
all_may sides-child A
load --scope "tree:$(told side pid)" "$T/onlyA.yaml" 2>/dev/null
all_may side none
all_may sides-child A
is "$(told across thread $B 9)" ok 'a thread of a process outside may'
enter $C-other across
is "$(told across thread $A 9)" EPERM 'not when the process is moved in'
unload

# --- other namespaces ---

# shellcheck disable=SC2016 # the inner sh expands it
status_is 3 'in a PID namespace' unshare -p -f --mount-proc \
	sh -c '"$0" --scope tree:$$ "$1"' "$loader" "$T/none.yaml"
like "$(cat "$T/log")" "not the host's PID namespace" 'which is said'
is "$(ls /sys/fs/bpf)" '' 'and nothing is left'

kill_puppets
done_testing
