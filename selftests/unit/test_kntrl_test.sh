#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kntrl test: what it prints, and its exit status.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh

kntrl=$BUILD/kntrl

ok 'tests of rules in the style of the public ones pass' "$kntrl" test selftests/rego
like "$("$kntrl" test selftests/rego)" '^PASS: 12/12$' 'all of them'

mkdir "$T/d" "$T/d/sub"
cat >"$T/d/rule.rego" <<'REGO'
package kntrl.network["r"]
import rego.v1
policy if input.task_name in data.tools
REGO
cat >"$T/d/sub/rule_test.rego" <<'REGO'
package t
import rego.v1
test_passes if data.kntrl.network.r.policy with input.task_name as "git"
test_fails if data.kntrl.network.r.policy with input.task_name as "nc"
test_errs if sprintf("%d", ["a"]) == "a"
test_undefined if input.nothing
REGO
echo '{"tools": ["git", "curl"]}' >"$T/d/data.json"
is "$("$kntrl" test "$T/d"; echo "status $?")" "$T/d/sub/rule_test.rego:
data.t.test_passes: PASS
data.t.test_fails: FAIL
  $T/d/sub/rule_test.rego:4
data.t.test_errs: ERROR
  $T/d/sub/rule_test.rego:5: sprintf: %d and its value do not go together
data.t.test_undefined: FAIL
  $T/d/sub/rule_test.rego:6
--------------------------------------------------------------------------------
PASS: 1/4
FAIL: 2/4
ERROR: 1/4
status 2" 'a failed test, an error, data of a *.json file'

echo 'package t; test_x if {' >"$T/bad.rego"
status_is 1 'what cannot be read' "$kntrl" test "$T/bad.rego"
like "$(cat "$T/log")" '^/.*/bad\.rego:1:10: ' 'says where'
status_is 1 'no tests' "$kntrl" test "$T/d/rule.rego"
status_is 1 'no such file' "$kntrl" test "$T/none"
status_is 1 'no file named' "$kntrl" test

done_testing
