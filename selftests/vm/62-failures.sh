#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The loader, when something is wrong: it says what, where and what to do, and either
# nothing is left of it or the policy is in force, whole, wherever it was stopped.
. selftests/vm/lib.sh

FIRST_KILLS=20
RELOAD_KILLS=10
UNLOAD_KILLS=5

P=/sys/fs/bpf/kntrl
loader=$(program kntrl-load)
puppet=$(program selftests/puppet)
kill_when=$(program selftests/kill_when)
A=203.0.113.1 B=203.0.113.2

may() {
	echo "$("$puppet" tell "$T/puppet" connect $A 9)" "$("$puppet" tell "$T/puppet" connect $B 9)"
}

programs() {
	bpftool prog list | grep -c '^[0-9]'
}

# As an ordinary user.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# Where mounts can be changed without harm.
apart() {
	unshare -m --propagation private sh -c "$@"
}

for name in A B; do
	address=$A
	[ $name = A ] || address=$B
	printf 'version: "1"\nmode: trace\nrules:\n  network:\n    allow_local_ranges: false\n    allowed_ips: [%s]\n' \
		"$address" >"$T/$name.yaml"
done
chmod 755 "$T"
# Grace periods are long here, and no matter of this test.
echo 1 >/sys/kernel/rcu_expedited
defer 'echo 0 >/sys/kernel/rcu_expedited'
ok 'addresses' addr_add $A $B
background "$puppet" serve "$T/puppet"
is "$(may)" 'ok ok' 'all is open'
before=$(programs)

nothing_left() {
	[ ! -e $P ] && [ ! -e ${P}_new ] && [ "$(programs)" = "$before" ]
}

# refused STATUS REGEX NAME CMD...: with that message, and nothing left.
refused() {
	want=$1 regex=$2 what=$3
	shift 3
	status_is "$want" "$what" "$@"
	like "$(cat "$T/log")" "$regex" "$what: said so"
	ok "$what: nothing is left" wait_for 2 nothing_left
}

# --- what is missing ---

refused 1 'must be run as root' 'an ordinary user' as_nobody "$loader" "$T/A.yaml"
refused 1 'must be run as root' 'an ordinary user, unloading' as_nobody "$loader" --unload
refused 3 'CAP_SYS_ADMIN' 'root without capabilities' \
	setpriv --inh-caps=-all --bounding-set=-all "$loader" "$T/A.yaml"
refused 3 'CAP_SYS_ADMIN' 'root of a user namespace' unshare -Ur "$loader" "$T/A.yaml"
refused 2 'no-such.yaml' 'no such policy' "$loader" "$T/no-such.yaml"
# shellcheck disable=SC2016 # the inner sh expands them
refused 3 'has no BTF \(/sys/kernel/btf/vmlinux\).*CONFIG_DEBUG_INFO_BTF=y' 'a kernel without BTF' \
	apart 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$1"' "$loader" "$T/A.yaml"
# shellcheck disable=SC2016
refused 3 'cgroup v2 is not mounted; run: mount -t cgroup2' 'no cgroup v2' \
	apart 'umount -l /sys/fs/cgroup && exec "$0" "$1"' "$loader" "$T/A.yaml"
# shellcheck disable=SC2016
refused 3 "not the host's cgroup namespace.*--cgroupns=host" 'a cgroup namespace' \
	unshare -C -m sh -c 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
		exec "$0" "$1"' "$loader" "$T/A.yaml"
# shellcheck disable=SC2016
refused 1 '/run/kntrl/load\.lock: No space left' 'a full disk, where the lock lies' \
	apart 'mkdir -p /run/kntrl && mount -t tmpfs -o nr_inodes=1 none /run/kntrl && exec "$0" "$1"' \
	"$loader" "$T/A.yaml"
# shellcheck disable=SC2016
refused 1 '/sys/fs/bpf/kntrl_new: Read-only file system' 'a BPF file system that cannot be written' \
	apart 'mount -t bpf -o ro none /sys/fs/bpf && exec "$0" "$1"' "$loader" "$T/A.yaml"
refused 3 '^kntrl-load: .*(Too many open files|programs)' 'too few descriptors' \
	prlimit --nofile=12:12 "$loader" "$T/A.yaml"
is "$(may)" 'ok ok' 'all is still open'

# --- what is made good ---

umount /sys/fs/bpf
is "$(stat -f -c %T /sys/fs/bpf)" sysfs 'the BPF file system is not mounted here'
ok 'the loader mounts it' load "$T/A.yaml"
is "$(stat -f -c %T /sys/fs/bpf)" bpf_fs 'where it belongs'
is "$(may)" 'ok EPERM' 'and the policy is in force'
unload
umount /sys/fs/bpf
mount -t tmpfs none /sys/fs/bpf
ok 'another file system is there' load "$T/A.yaml"
is "$(may)" 'ok EPERM' 'in force all the same'
unload
umount /sys/fs/bpf && umount /sys/fs/bpf
ok 'no memory may be locked' prlimit --memlock=0:0 "$loader" "$T/A.yaml"
is "$(may)" 'ok EPERM' 'in force all the same'
unload
# shellcheck disable=SC2016
ok 'no standard streams at all' sh -c '"$0" "$1" <&- >&- 2>&-' "$loader" "$T/A.yaml"
is "$(may)" 'ok EPERM' 'in force all the same'

# --- somebody else at work ---

flock /run/kntrl/load.lock sleep 1 &
sleep 0.2
start=$(date +%s%N)
ok 'a lock that is held' "$loader" "$T/B.yaml"
ok 'is waited for' test $(($(date +%s%N) - start)) -gt 500000000
is "$(may)" 'EPERM ok' 'and then the policy is in force'

# --- pins that are not whole ---

rm $P/link_egress
status_is 1 'a link is gone' "$loader" "$T/A.yaml"
like "$(cat "$T/log")" 'link_egress.*--unload' 'which is said, and what to do'
ok 'that is done' "$loader" --unload
ok 'nothing is left' wait_for 2 nothing_left
ok 'a load works again' load "$T/A.yaml"
is "$(may)" 'ok EPERM' 'and is in force'
unload

# --- killed in a first load ---

start=$(date +%s%N)
"$loader" "$T/A.yaml" 2>/dev/null
took=$((($(date +%s%N) - start) / 1000000))
unload
wait_for 2 nothing_left
diag "a load takes $took ms"

# killed_after MS ARGUMENT...: whether the loader was.
killed_after() {
	"$kill_when" "$@" 2>/dev/null
	[ $? = 137 ]
}

# Nothing, or all of it.
settled() {
	[ ! -e ${P}_new ] || return 1
	if [ -e $P ]; then
		[ "$(may)" = 'ok EPERM' ] && [ "$(find $P -name 'link_*' | wc -l)" = "$links" ]
	else
		[ "$(programs)" = "$before" ] && [ "$(may)" = 'ok ok' ]
	fi
}

load "$T/A.yaml" 2>/dev/null
links=$(find $P -name 'link_*' | wc -l)
unload
killed=0 none=0 whole=0 bad=
for n in $(seq 1 $FIRST_KILLS); do
	ms=$((took * n / FIRST_KILLS))
	! killed_after $ms "$loader" "$T/A.yaml" || killed=$((killed + 1))
	wait_for 3 settled || bad="$bad $ms"
	if [ -e $P ]; then
		whole=$((whole + 1))
		unload
		wait_for 2 nothing_left || bad="$bad $ms(unload)"
	else
		none=$((none + 1))
	fi
done
is "$bad" '' "killed $killed times in $FIRST_KILLS first loads: nothing $none times, all $whole times"
ok 'enough of them' test $killed -ge $((FIRST_KILLS / 3))
ok 'a load after that works' load "$T/A.yaml"
is "$(may)" 'ok EPERM' 'and is in force'
unload

# And together with the process that would have cleaned up.
status_is 137 'killed with its helper' \
	"$kill_when" -c ${P}_new/link_clone "$loader" "$T/A.yaml"
ok 'it leaves pins' test -e ${P}_new/link_clone
ok 'to be removed like a load' "$loader" --unload
ok 'nothing is left' wait_for 2 nothing_left
"$kill_when" -c ${P}_new/link_egress "$loader" "$T/A.yaml" 2>/dev/null
ok 'a load makes that good' load "$T/A.yaml"
is "$(may)" 'ok EPERM' 'and is in force'
is "$(ls ${P}_new 2>/dev/null)" '' 'without the leftovers'
is "$(programs)" "$((before + $(find $P -name 'prog_*' | wc -l)))" 'nor their programs'
unload
ok 'all of it goes' wait_for 2 nothing_left

# --- killed in a reload ---

load "$T/A.yaml" 2>/dev/null
start=$(date +%s%N)
"$loader" "$T/B.yaml" 2>/dev/null
took=$((($(date +%s%N) - start) / 1000000))
diag "a reload takes $took ms"
killed=0 bad=''
for n in $(seq 1 $RELOAD_KILLS); do
	ms=$((took * n / RELOAD_KILLS))
	now=A
	[ $((n % 2)) = 0 ] || now=B
	! killed_after $ms "$loader" "$T/$now.yaml" || killed=$((killed + 1))
	verdicts=$(may)
	[ "$verdicts" = 'ok EPERM' ] || [ "$verdicts" = 'EPERM ok' ] || bad="$bad $ms: $verdicts;"
	[ "$(find $P -name 'link_*' | wc -l)" = "$links" ] || bad="$bad $ms: links;"
done
is "$bad" '' "killed $killed times in $RELOAD_KILLS reloads: the old policy or the new one, whole"
ok 'enough of them' test $killed -ge $((RELOAD_KILLS / 3))
ok 'a reload after that works' "$loader" "$T/B.yaml"
is "$(may)" 'EPERM ok' 'and is in force'

# --- killed in unloading ---

bad=
for n in $(seq 1 $UNLOAD_KILLS); do
	killed_after $((n * 8)) "$loader" --unload
	# What is found in its place is whole; what is not is replaced.
	"$loader" "$T/A.yaml" 2>/dev/null || bad="$bad $n(load)"
	[ "$(may)" = 'ok EPERM' ] || bad="$bad $n(may)"
	[ "$(find $P -name 'link_*' | wc -l)" = "$links" ] || bad="$bad $n(links)"
done
is "$bad" '' 'killed in unloading: the next load is whole'
ok 'the end' "$loader" --unload
ok 'nothing is left' wait_for 2 nothing_left
is "$(may)" 'ok ok' 'all is open'

done_testing
