#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# GitHub's ranges: how the file is read, and how scripts/github-meta renews it.
set -u
. selftests/vm/lib.sh

load=$BUILD/kntrl-load
printf 'version: "1"\nmode: trace\nrules: {network: {allow_github_meta: true, allow_local_ranges: false}}\n' \
	>"$T/policy.yaml"

# wrong JSON WHAT: is refused, and said to be so.
wrong() {
	printf '%s\n' "$1" >"$T/meta.json"
	status_is 2 "refused: $1" "$load" --dry-run --github-meta "$T/meta.json" "$T/policy.yaml"
	like "$(cat "$T/log")" "/meta\.json$2" 'with what and where'
}
wrong '{"actions": ["192.0.2.0/24", "192.0.2.0/33"]}' ': actions\[1\]: "192\.0\.2\.0/33": prefix length'
wrong '{"actions": ["192.0.2.1/24"]}' ': actions\[0\]: .*has bits set beyond its prefix'
wrong '{"actions": ["192.0.2.1"]}' ': actions\[0\]: .*is not a network'
wrong '{"actions": ["192.0.2.0/24:443"]}' ': actions\[0\]: .*is not a network'
wrong '{"actions": ["example.com"]}' ': actions\[0\]: .*is a host name'
wrong '{"actions": ["0.0.0.0/0"]}' ': actions\[0\]: .*is wider'
wrong '{"actions": ["8.0.0.0/7"]}' ': actions\[0\]: .*is wider'
wrong '{"actions": ["::/0"]}' ': actions\[0\]: .*is wider'
wrong '{"actions": ["2000::/3"]}' ': actions\[0\]: .*is wider'
wrong '{"actions": ["192.0.2.0/24", 7]}' ': actions\[1\]: .*is not a string'
wrong '{"actions": ["\u001b[2J/8"]}' ': actions\[0\]: "\\x1b'
wrong '{"actions": []}' ': "actions" must be a list of networks'
wrong '{"actions": "192.0.2.0/24"}' ': "actions" must be a list of networks'
wrong '{"hooks": ["192.0.2.0/24"]}' ': "actions" must be a list of networks'
wrong '["192.0.2.0/24"]' ': is not a JSON object'
wrong '{"actions": ["192.0.2.0/24"], "actions": ["10.0.0.0/8"]}' ':1:[0-9]*: duplicate object key'
wrong '{"actions": ["192.0.2.0/24"]' ':[12]:[0-9]*: '
wrong '{"actions": ["192.0.2.0/24"], "fetched": "yesterday"}' ': "fetched" must be a time'
wrong '{"actions": ["192.0.2.0/24"], "fetched": 1}' ': "fetched" must be a time'
status_is 2 'no such file' "$load" --dry-run --github-meta "$T/none.json" "$T/policy.yaml"
status_is 1 'a URL is not taken' "$load" --dry-run --github-meta https://192.0.2.1/ "$T/policy.yaml"
like "$(cat "$T/log")" 'scripts/github-meta' 'and what to do instead is said'

# Some thousands, and what stands beside them.
python3 - "$T/meta.json" <<'PYTHON'
import json, sys
ranges = ["198.%d.%d.0/25" % (i >> 8, i & 255) for i in range(18 << 8, 26 << 8)]
ranges += ["2001:db8:%x::/48" % i for i in range(2048)] + ["203.0.113.7/32"]
json.dump({"verifiable_password_authentication": False, "ssh_keys": ["ssh-ed25519 AAAA"],
           "hooks": ["192.0.2.0/24"], "actions": ranges, "domains": {"website": ["*.github.com"]}},
          open(sys.argv[1], "w"))
PYTHON
touch -d '3 days ago' "$T/meta.json"
ok 'thousands of ranges' "$load" --dry-run --github-meta "$T/meta.json" "$T/policy.yaml"
like "$(cat "$T/log")" '4097 ranges of GitHub, 3 days old' 'their number and their age'
touch -d '40 days ago' "$T/meta.json"
ok 'old ones' "$load" --dry-run --github-meta "$T/meta.json" "$T/policy.yaml"
like "$(cat "$T/log")" 'are 40 days old; scripts/github-meta' 'are complained of'
while read -r addr want; do
	echo "{\"task_name\":\"curl\",\"proto\":\"tcp\",\"daddr\":\"$addr\",\"dport\":443,\"ancestors\":[]}"
	echo "$addr $want" >&3
done >"$T/asked" 3>"$T/wants" <<'CASES'
198.18.0.1 "pass","rule":"rules.network.allow_github_meta"
198.18.0.128 "block"
198.25.255.127 "pass"
198.26.0.1 "block"
2001:db8:7ff::1 "pass"
2001:db8:800::1 "block"
203.0.113.7 "pass"
203.0.113.8 "block"
192.0.2.1 "block"
168.63.129.16 "block","rule":"rules.network.allow_metadata"
CASES
"$BUILD/kntrl" eval --github-meta "$T/meta.json" --rules-file "$T/policy.yaml" <"$T/asked" >"$T/said"
paste -d ' ' "$T/wants" "$T/said" >"$T/both"
while read -r addr want said; do
	like "$said" "$want" "decided: $addr"
done <"$T/both"
sed -i 's/allow_github_meta: true, //' "$T/policy.yaml"
"$BUILD/kntrl" eval --github-meta "$T/meta.json" --rules-file "$T/policy.yaml" <"$T/asked" >"$T/said"
is "$(grep -c block "$T/said")" 10 'without allow_github_meta none is allowed'

# ---- The files that are there ----

printf 'version: "1"\nrules: {network: {allow_github_meta: true}}\n' >"$T/policy.yaml"

ok 'the sample in policies/ is read' "$load" --dry-run --github-meta policies/github-meta.json "$T/policy.yaml"
echo '{"actions":["192.0.2.0/24"]}' >"$T/answer"
renew() {
	PATH=$BUILD:$PATH GITHUB_META_URL=file://$T/answer scripts/github-meta "$T/new.json"
}
ok 'scripts/github-meta fetches' renew
like "$(cat "$T/new.json")" "^\{\"fetched\":\"$(date -u +%Y-)" 'and writes down when'
ok 'what kntrl-load reads' "$load" --dry-run --github-meta "$T/new.json" "$T/policy.yaml"
like "$(cat "$T/log")" '1 ranges of GitHub, 0 days old' 'with its age'
cp "$T/new.json" "$T/before"
echo '{"message":"API rate limit exceeded"}' >"$T/answer"
not_ok 'an answer that is none is not taken' renew
ok 'and the file before stays' cmp "$T/before" "$T/new.json"
set -- "$T"/new.json*
is "$#" 1 'nothing else is left'
done_testing
