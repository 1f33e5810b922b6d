#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The loader, when all goes well: it puts a policy in force, shows what it did, exits,
# and takes everything back.
. selftests/vm/lib.sh

P=/sys/fs/bpf/kntrl
loader=$(program kntrl-load)
puppet=$(program selftests/puppet)

# What is loaded, less numbers, times and who holds it: programs, maps, attachments.
bpf_state() {
	bpftool prog list | sed -n 's/^[0-9]*: \(.*\)  tag.*/prog \1/p'
	bpftool map list | sed -n 's/^[0-9]*: \(.*\)  flags.*/map \1/p'
	bpftool link list | sed -n 's/^[0-9]*: \([^ ]*\)  prog .*/link \1/p'
	bpftool cgroup tree 2>/dev/null | sed 1d | awk '{ $1 = ""; print "cgroup" $0 }'
	find /sys/fs/bpf -mindepth 1
}

bpf_state_is() {
	bpf_state | sort >"$T/state.now"
	cmp -s "$T/state.now" "$1"
}

running_kntrl() {
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe" || :) in
		*/kntrl | */kntrl-load) echo "$exe" ;;
		esac
	done
}

# As somebody who has nothing to do with us: a session, a user and a shell of his own.
second_shell() {
	# shellcheck disable=SC2016 # the inner bash expands them
	setsid -w setpriv --reuid=65534 --regid=65534 --clear-groups --reset-env \
		timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$@"
}

cat >"$T/policy.yaml" <<'YAML'
version: "1"
mode: trace
rules:
  network:
    allow_local_ranges: false
    allowed_ips:
      - "203.0.113.7:443"
      - "2001:db8::7"
YAML
printf 'version: "1"\n' >"$T/empty.yaml"
printf 'version: "1"\nmode: trace\nrules: {}\n' >"$T/nothing.yaml"

# --- before: what touches nothing ---

bpf_state | sort >"$T/state.before"
ok '--help' "$loader" --help
ok '--version' "$loader" --version
status_is 1 'nothing to load' "$loader"
status_is 1 'an unknown option' "$loader" --no-such-option "$T/policy.yaml"
like "$(cat "$T/log")" '^kntrl-load: .*--no-such-option' 'which is named'
status_is 1 'an unknown mode' "$loader" --mode strict "$T/policy.yaml"
status_is 1 'an unknown scope' "$loader" --scope planet "$T/policy.yaml"
status_is 1 'no process to be the tree of' "$loader" --scope tree:0 "$T/policy.yaml"
status_is 2 'no such policy' "$loader" "$T/no-such.yaml"
printf 'version: "1"\nmoed: trace\n' >"$T/typo.yaml"
status_is 2 'a policy with a mistake' "$loader" "$T/typo.yaml"
like "$(cat "$T/log")" 'typo\.yaml:2:1: .*did you mean "mode"' 'has its place, and advice'
status_is 2 '--dry-run sees it too' "$loader" --dry-run "$T/typo.yaml"
chmod 755 "$T"
ok '--dry-run needs no root' setpriv --reuid=65534 --regid=65534 --clear-groups \
	"$loader" --dry-run "$T/policy.yaml"
like "$(cat "$T/log")" '^trace mode' 'and says what it would load'
ok '--unload of nothing is fine' unload
ok 'nothing of that touched the kernel' bpf_state_is "$T/state.before"
is "$(ls /sys/fs/bpf)" '' 'or pinned anything'

# --- the load ---

ok 'addresses' addr_add 203.0.113.7 203.0.113.8 2001:db8::7 2001:db8::8
ok 'listeners' listen tcp:203.0.113.7:443 tcp:203.0.113.7:444 tcp:203.0.113.8:443 \
	'tcp:[2001:db8::7]:443' 'tcp:[2001:db8::8]:443' tcp:127.0.0.1:443
ok 'a puppet' background "$puppet" serve "$T/puppet"
ok 'the load' load "$T/policy.yaml"
said=$(cat "$T/log")
is "$(running_kntrl)" '' 'no process of kntrl runs'
if grep -q bpf /sys/kernel/security/lsm; then
	like "$said" 'in force by LSM hooks: trace mode' 'attached as LSM programs'
	unlike "$said" 'fmod_ret' 'and as nothing else'
	want=lsm
else
	like "$said" 'in force by fmod_ret \(bpf is not in .*lsm= list\): trace mode' \
		'attached as fmod_ret programs, and why'
	want=tracing
fi
is "$(printf '%s\n' "$said" | wc -l)" 1 'said in one line'
like "$(bpftool prog show pinned $P/prog_socket_connect)" "^[0-9]+: $want  name socket_connect" \
	"bpftool says so too: $want"

# --- enforced, for everybody ---

ok 'a second shell may connect to what is allowed' second_shell 203.0.113.7 443
not_ok 'not to another port' second_shell 203.0.113.7 444
not_ok 'nor to another address' second_shell 203.0.113.8 443
like "$(cat "$T/log")" 'Operation not permitted' 'which it is told'
ok 'IPv6 that is allowed' second_shell 2001:db8::7 443
not_ok 'IPv6 that is not' second_shell 2001:db8::8 443
ok 'loopback' second_shell 127.0.0.1 443
not_ok 'root is no exception' connects 203.0.113.8 443
is "$("$puppet" tell "$T/puppet" connect 203.0.113.8 443)" EPERM 'nor is who ran before the load'
is "$("$puppet" tell "$T/puppet" connect 203.0.113.7 443)" ok 'who may do what is allowed'
is "$("$puppet" tell "$T/puppet" raw)" EPERM 'raw sockets are denied'

# --- legible ---

for pin in "$P"/*; do
	map=${pin##*/}
	case $map in
	link_* | prog_*) continue ;;
	tasks) # task storage: bpftool can show it, but has no list of keys to dump
		like "$(bpftool map show pinned "$pin")" 'task_storage  name tasks ' 'map tasks is typed'
		like "$(bpftool -j map show pinned "$pin")" '"btf_id":[1-9]' 'by BTF'
		continue
		;;
	streams) # socket storage, likewise
		like "$(bpftool map show pinned "$pin")" 'sk_storage  name streams ' 'map streams is typed'
		like "$(bpftool -j map show pinned "$pin")" '"btf_id":[1-9]' 'by BTF'
		continue
		;;
	stream_sockets) # sockets by their cookies: only their numbers are to be had
		like "$(bpftool map show pinned "$pin")" 'sockhash  name stream_sockets' \
			'map stream_sockets holds sockets'
		continue
		;;
	events) # a ring buffer: it has no keys at all
		like "$(bpftool map show pinned "$pin")" 'ringbuf  name events ' 'map events is a ring buffer'
		continue
		;;
	vouched | heard) # 65536 marks: slow to print, so only one of them
		ok "map $map prints" bpftool map lookup pinned "$pin" key 7 0 0 0
		like "$(cat "$T/log")" '"value": [0-9]' "by name"
		continue
		;;
	esac
	ok "map $map prints" sh -c "bpftool map dump pinned $pin >$T/dump"
	case $map in
	control) fields='seed epoch flags mnt_ns abi last_exec last_flow counters guards attached own' ;;
	scopes) fields='slot cgroup cgroup_level root generation' ;;
	sources) fields='name' ;;
	flows) fields='key exec addr tgid scope port proto verdict rule image first count cgroup uid nline line' ;;
	flow_index) fields='key exec addr tgid verdict value' ;;
	images) fields='key value name path' ;;
	unlock) fields='token' ;;
	runners) fields='kind inline_code takes_value module' ;;
	policies | addresses | processes | sockets | hosts | files | file_ids) # maps of maps: bpftool knows no names there
		inner=$P/scope0_$map
		[ "$map" != policies ] || inner=$P/scope0_policy
		is "$(bpftool -j map dump pinned "$pin" | python3 -c '
import json, sys
for e in json.load(sys.stdin):
    print(*(int.from_bytes(bytes(int(b, 16) for b in e[k]), "little") for k in ("key", "value")))')" \
			"1 $(bpftool map show pinned "$inner" | sed -n '1s/:.*//p')" \
			"map $map has the number of ${inner##*/} in slot 1"
		continue
		;;
	scope0_policy) fields='flags generation nconds ngrants denies conds grants kind index' ;;
	scope0_addresses) fields='prefixlen addr first count flags rule' ;;
	scope0_processes) fields='key value w' ;;
	scope0_files) fields='n pattern part flags rule' ;;
	desks) fields='taken key server question asked to out facts dns' ;;
	folded | owners | own_files | dns_flows | scope0_sockets | scope0_hosts | scope0_file_ids | address_names | name_texts | held | server_names | dns_sockets | askers | questions)
		fields= # empty here
		;;
	*)
		result 1 "map $map is documented"
		continue
		;;
	esac
	missing=
	for field in $fields; do
		grep -q "\"$field\":\|^$field " "$T/dump" || missing="$missing $field"
	done
	is "$missing" '' "map $map has names: ${fields:-(it is empty)}"
	case $map in
	folded | owners | own_files | dns_flows | scope0_sockets)
		like "$(bpftool -j map show pinned "$pin")" '"btf_id":[1-9]' "map $map is typed" ;;
	esac
done
like "$(bpftool map dump pinned $P/sources)" "$T/policy.yaml" 'the source is named'

# --- the end ---

ok '--unload' unload
ok 'programs, maps and links are what they were' wait_for 5 bpf_state_is "$T/state.before"
diag "$(diff "$T/state.before" "$T/state.now")"
is "$(ls /sys/fs/bpf)" '' 'nothing is pinned'
ok 'everything is open again' second_shell 203.0.113.8 443

# --- modes ---

ok 'monitor mode' load --mode monitor "$T/policy.yaml"
like "$(cat "$T/log")" ': monitor mode' 'as the option says, though the policy says trace'
ok 'denies nothing' second_shell 203.0.113.8 443
like "$("$(program kntrl)" report --format json)" \
	'"daddr":"203\.0\.113\.8","dport":443,.*"policy":"block","mode":"monitor","denied":false' \
	'but reports what trace would deny'
is "$("$puppet" tell "$T/puppet" raw)" ok 'nor raw sockets'

ok 'a policy without a mode' load "$T/empty.yaml"
like "$(cat "$T/log")" ': monitor mode' 'is in monitor mode'
ok 'and denies nothing' second_shell 203.0.113.7 444

ok 'an empty policy in trace mode' load "$T/nothing.yaml"
for address in 203.0.113.7 2001:db8::7 2001:db8::8; do
	not_ok "denies $address" second_shell "$address" 443
done
ok 'but not loopback' second_shell 127.0.0.1 443

# --- what is shipped ---

# shipped POLICY: those that protect themselves give their token to a pipe.
shipped() {
	if [ -s "$T/token" ]; then
		"$loader" --token-file "$T/token" "$1"
	else
		{
			"$loader" --token-file /dev/fd/9 "$1" 9>&1 >/dev/null
			echo $? >"$T/status"
		} | cat >"$T/token"
		return "$(cat "$T/status")"
	fi
}

# From the inside it is undone only where it does not protect itself.
undoes() {
	bpftool map show pinned $P/scopes || return 1
}

: >"$T/token"
for policy in policies/*.yaml; do
	ok "$policy loads" shipped "$policy"
	case $policy in
	*monitor*) ok 'and denies nothing' second_shell 203.0.113.8 443 ;;
	*) not_ok 'and holds' second_shell 203.0.113.8 443 ;;
	esac
	case $policy in
	*/ci-*) not_ok 'against root, too' undoes ;;
	*) ok 'until it is unloaded' undoes ;;
	esac
done

ok 'several policies are merged' load "$T/nothing.yaml" "$T/policy.yaml"
ok 'the second one counts' second_shell 203.0.113.7 443
mkdir "$T/rules"
cp "$T/policy.yaml" "$T/rules/b.yml"
cp "$T/nothing.yaml" "$T/rules/a.yaml"
ok '--rules-dir' load --rules-dir "$T/rules"
not_ok 'is in force' second_shell 203.0.113.8 443
ok '--rules-file' load --rules-file "$T/policy.yaml"
ok 'is in force too' second_shell 203.0.113.7 443

done_testing
