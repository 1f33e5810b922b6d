#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The cases of selftests/conformance by kntrl eval, and those that have no domain names
# by real sockets of real processes. The kernel is not given names yet, so for those
# the policies' host lists are emptied first.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

mkdir "$T/policies" "$T/task" "$T/ancestor"
for policy in selftests/conformance/*.yaml; do
	sed 's/allowed_hosts: *\[[^]]*\]/allowed_hosts: []/' "$policy" >"$T/policies/$(basename "$policy")"
done

# POLICY WANT PROTO ADDRESS PORT TASK "ANCESTOR..." NAME, and beside it the documents.
cat >"$T/cases.py" <<'PYTHON'
import json, sys

out = sys.argv[1]
cases = open(out + "/cases", "w")
for line in open("selftests/conformance/cases.jsonl"):
    case = json.loads(line)
    doc = case["input"]
    with open(out + "/" + case["policy"] + ".all", "a") as docs:
        print(json.dumps(doc), file=docs)
    with open(out + "/" + case["policy"] + ".wants", "a") as wants:
        print(case["want"] + "|" + case["name"], file=wants)
    if doc["domains"]:
        continue
    words = [case["policy"], case["want"], doc["proto"], doc["daddr"], str(doc["dport"]),
             doc["task_name"], " ".join(doc["ancestors"]), case["name"]]
    print("|".join(words), file=cases)
    with open(out + "/" + case["policy"] + ".docs", "a") as docs:
        print(json.dumps(doc), file=docs)
PYTHON
ok 'cases' python3 "$T/cases.py" "$T"
total=$(wc -l <"$T/cases")
ok "at least 25 of them ($total)" test "$total" -ge 25

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
for policy in $policies; do
	"$(program kntrl)" eval --rules-file "$T/policies/$policy" <"$T/$policy.docs" >"$T/said" 2>&1
	of_policy "$policy" | cut -d'|' -f2,8 | paste -d'|' - "$T/said" >"$T/both"
	while IFS='|' read -r want name said; do
		like "$said" "\"policy\":\"$want\"" "eval, hosts emptied: $policy: $name"
	done <"$T/both"
done

# ---- Sockets ----

cut -d'|' -f4 "$T/cases" | sort -u | grep -v -e '^127\.' -e '^::1$' -e '^::ffff:' >"$T/addresses"
while read -r addr; do
	ok "address $addr" addr_add "$addr"
done <"$T/addresses"
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
	while IFS='|' read -r _ _ proto addr port task ancestors name; do
		# shellcheck disable=SC2086 # words are meant
		is "$(run_case "$proto" "$addr" "$port" "$task" $ancestors </dev/null)" ok \
			"without kntrl: $policy: $name"
	done <"$T/these"
done
for policy in $policies; do
	of_policy "$policy" >"$T/these"
	ok "loads $policy, hosts emptied" load "$T/policies/$policy"
	while IFS='|' read -r _ want proto addr port task ancestors name; do
		wanted=ok
		[ "$want" = pass ] || wanted=EPERM
		# shellcheck disable=SC2086 # words are meant
		is "$(run_case "$proto" "$addr" "$port" "$task" $ancestors </dev/null)" $wanted \
			"sockets, hosts emptied: $policy: $name"
	done <"$T/these"
done

done_testing
