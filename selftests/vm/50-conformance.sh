#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The cases of selftests/conformance by kntrl eval, and by real sockets of real
# processes. Names are resolved by real resolvers from a real name server, where each
# case's have an address of their own unless the case says which.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

mkdir "$T/policies" "$T/task" "$T/ancestor"
cp selftests/conformance/*.yaml "$T/policies"

# POLICY WANT PROTO ADDRESS PORT TASK "ANCESTOR..." "DOMAIN..." NAME, and beside it the
# documents, and what the name server is to say.
cat >"$T/cases.py" <<'PYTHON'
import json, sys

out = sys.argv[1]
cases = open(out + "/cases", "w")
records = open(out + "/records", "w")
fresh = {}
for line in open("selftests/conformance/cases.jsonl"):
    case = json.loads(line)
    doc = case["input"]
    with open(out + "/" + case["policy"] + ".all", "a") as docs:
        print(json.dumps(doc), file=docs)
    with open(out + "/" + case["policy"] + ".wants", "a") as wants:
        print(case["want"] + "|" + case["name"], file=wants)
    names = [name.rstrip(".").lower() for name in doc["domains"]]
    addr = doc["daddr"]
    if names and addr == "93.184.216.34":
        addr = fresh.setdefault(tuple(names), "192.0.2.%d" % (len(fresh) + 1))
    for name in names:
        print("host-record=%s,%s" % (name, addr), file=records)
    words = [case["policy"], case["want"], doc["proto"], addr, str(doc["dport"]),
             doc["task_name"], " ".join(doc["ancestors"]), " ".join(doc["domains"]),
             case["name"]]
    print("|".join(words), file=cases)
PYTHON
ok 'cases' python3 "$T/cases.py" "$T"
total=$(wc -l <"$T/cases")
ok "at least 46 of them ($total)" test "$total" -ge 46

# of_policy NAME: its cases.
of_policy() {
	grep "^$1|" "$T/cases"
}

policies=$(cut -d'|' -f1 "$T/cases" | sort -u)

# ---- eval ----

for policy in $policies; do
	"$(program kntrl)" eval --rules-file "selftests/conformance/$policy" <"$T/$policy.all" >"$T/said" 2>&1
	paste -d'|' "$T/$policy.wants" "$T/said" >"$T/both"
	while IFS='|' read -r want name said; do
		like "$said" "\"policy\":\"$want\"" "eval: $policy: $name"
	done <"$T/both"
done
# ---- Sockets ----

sort -u "$T/records" >"$T/dnsmasq"
background dnsmasq --keep-in-foreground --no-resolv --no-hosts --user=root --pid-file= \
	--listen-address=127.0.0.1 --bind-interfaces --conf-file="$T/dnsmasq"
echo 'nameserver 127.0.0.1' >/etc/resolv.conf

cut -d'|' -f4 "$T/cases" | sort -u | grep -v -e '^127\.' -e '^::1$' -e '^::ffff:' >"$T/addresses"
while read -r addr; do
	ok "address $addr" addr_add "$addr"
done <"$T/addresses"
ok 'a name server' wait_for 10 getent ahostsv4 api.github.com
# shellcheck disable=SC2046 # words are meant
ok 'listeners' start_recvd $(cut -d'|' -f3,5 "$T/cases" | sort -u | tr '|' ':')
cut -d'|' -f6 "$T/cases" | sort -u | while read -r name; do
	cp "$bin/dial" "$T/task/$name"
done
cut -d'|' -f7 "$T/cases" | tr ' ' '\n' | sort -u | while read -r name; do
	cp "$bin/launch" "$T/ancestor/$name"
done

# run_case PROTO ADDRESS PORT TASK ANCESTOR...: nearest first, as in the document.
run_case() {
	proto=$1 addr=$2 port=$3 task=$4
	shift 4
	chain=
	for name; do
		chain="$T/ancestor/$name fork $chain"
	done
	[ "$proto" = tcp ] || task="$task -u"
	# shellcheck disable=SC2086 # words are meant
	$chain "$T/task/"$task "$addr" "$port"
}

# resolve NUMBER NAME: its addresses, one on a line, by one resolver or another.
resolve() {
	case $(($1 % 4)) in
	0) getent ahostsv4 "$2" | awk '{ print $1 }' ;;
	1) busybox nslookup -type=a "$2" | awk '/^Name/ { on = 1 } on && /^Address/ { print $2 }' ;;
	2) python3 -c "import socket
for a in socket.getaddrinfo('$2', 443, socket.AF_INET): print(a[4][0])" ;;
	3) node -e "require('dns').resolve4('$2', (e, a) => console.log(a.join('\n')))" ;;
	esac
}

# knows ADDRESS DOMAIN...: each is resolved, and has that address.
resolved=0
knows() {
	addr=$1
	shift
	for name; do
		resolved=$((resolved + 1))
		resolve "$resolved" "$name" 2>&1 | grep -q -x "$addr" || return 1
	done
}

# In the machine everything descends from a "sh", its init: what the cases call sh is
# called shell here.
sed -i 's/"sh"/"shell"/g' "$T"/policies/*.yaml
awk -F'|' -v OFS='|' '{
	$7 = " " $7 " "
	sub(/ sh /, " shell ", $7)
	gsub(/^ | $/, "", $7)
	print
}' "$T/cases" >"$T/renamed"
mv "$T/renamed" "$T/cases"
cp "$T/ancestor/sh" "$T/ancestor/shell"

for policy in $policies; do
	of_policy "$policy" >"$T/these"
	while IFS='|' read -r _ _ proto addr port task ancestors _ name; do
		# shellcheck disable=SC2086 # words are meant
		is "$(run_case "$proto" "$addr" "$port" "$task" $ancestors </dev/null)" ok \
			"without kntrl: $policy: $name"
	done <"$T/these"
done
for policy in $policies; do
	of_policy "$policy" >"$T/these"
	ok "loads $policy" load "$T/policies/$policy"
	while IFS='|' read -r _ want proto addr port task ancestors domains name; do
		# shellcheck disable=SC2086 # words are meant
		[ -z "$domains" ] || ok "resolved: $domains" knows "$addr" $domains
		wanted=ok
		[ "$want" = pass ] || wanted=EPERM
		# shellcheck disable=SC2086 # words are meant
		is "$(run_case "$proto" "$addr" "$port" "$task" $ancestors </dev/null)" $wanted \
			"sockets: $policy: $name"
	done <"$T/these"
done

done_testing
