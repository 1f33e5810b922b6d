#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Rules in Rego decide connections: a custom rule, and a policy against worms in npm.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

A=203.0.113.1 B=198.51.100.7 REGISTRY=104.16.1.34 METADATA=169.254.169.254
loader=$(program kntrl-load)

mkdir "$T/rules" "$T/worm" "$T/bad" "$T/as"
cat >"$T/rules/base.yaml" <<'YAML'
version: "1"
mode: trace
rules:
  network:
    allow_local_ranges: false
    allowed_ips: ["203.0.113.1:7"]
YAML
cp "$T/rules/base.yaml" "$T/worm"
cat >"$T/rules/custom.rego" <<'REGO'
package kntrl.network["my_custom_rule"]

import rego.v1

policy if {
    input.task_name == "curl"
    some ancestor in input.ancestors
    ancestor == "npm"
}
REGO
echo 'not Rego at all' >"$T/rules/custom_test.rego"
cp selftests/rego-worm/* "$T/worm"
echo '{"registry_ranges": ["104.16.0.0/20"]}' >"$T/worm/data.json"
cp "$T/rules/custom.rego" "$T/bad"
printf 'package kntrl.network["late"]\n\nimport rego.v1\n\npolicy if {\n\tinput.sni == "a.org"\n}\n' \
	>"$T/bad/sni.rego"

for name in curl node git; do
	cp "$bin/dial" "$T/as/$name"
done
for name in npm shell make; do
	cp "$bin/launch" "$T/as/$name"
done
ok 'addresses' addr_add $A $B $REGISTRY $METADATA
ok 'listeners' start_recvd tcp:7 udp:7 tcp:443 udp:443 tcp:80

# dials PROTO ADDRESS PORT TASK ANCESTOR...: nearest first.
dials() {
	proto=$1 addr=$2 port=$3 task=$4
	shift 4
	chain=
	for name; do
		chain="$T/as/$name fork $chain"
	done
	[ "$proto" = tcp ] || task="$task -u"
	# shellcheck disable=SC2086 # words are meant
	$chain "$T/as/"$task "$addr" "$port" </dev/null
}

# decides WANT NAME PROTO ADDRESS PORT TASK ANCESTOR...: and without kntrl, all may.
decides() {
	want=$1 what=$2
	shift 2
	is "$(dials "$@")" "$want" "$what: $want"
}

custom_rule() {
	decides "$1" 'curl under npm' tcp $B 443 curl npm
	decides "$1" 'curl under a shell under npm' udp $B 7 curl shell npm
	decides "$2" 'curl under make' tcp $B 443 curl make
	decides "$2" 'node under npm' tcp $B 443 node npm
	decides ok 'what the YAML allows' tcp $A 7 node make
	decides "$2" 'and no more of it' tcp $A 443 node make
}

worm_rules() {
	decides "$1" 'node under npm to the registry' tcp $REGISTRY 443 node npm
	decides "$2" 'by UDP' udp $REGISTRY 443 node npm
	decides "$2" 'at another port' tcp $REGISTRY 80 node npm
	decides "$2" 'node under npm elsewhere' tcp $B 443 node npm
	decides "$2" 'curl under npm to the registry' tcp $REGISTRY 443 curl npm
	decides "$2" 'curl under npm even where all may' tcp $A 7 curl shell npm
	decides "$1" 'git under make anywhere' tcp $B 443 git make
	decides "$2" 'but not to the registry' tcp $REGISTRY 443 git make
	decides "$2" 'nor to the metadata of the cloud' tcp $METADATA 80 git make
	decides "$2" 'nor under npm' tcp $B 443 git npm
	decides "$2" 'nor curl under make' tcp $B 443 curl make
}

custom_rule ok ok
worm_rules ok ok

ok 'the custom rule loads' load --rules-dir "$T/rules"
custom_rule ok EPERM
like "$(flows)" "$T/rules/custom.rego:5" 'the report names file and line of the rule'

message=$("$loader" --rules-dir "$T/bad" 2>&1)
is $? 2 'what the kernel cannot decide is refused'
like "$message" "$T/bad/sni.rego:6:" 'with its place'
custom_rule ok EPERM

ok 'the rules against worms load' load --rules-dir "$T/worm"
worm_rules ok EPERM
like "$(flows)" "$T/worm/worm.rego:" 'the report names the rule that denies'

done_testing
