#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The compiler's unit tests once more without the sanitizers, under valgrind, which
# sees uninitialized memory too.
export BUILD="${BUILD:-$PWD/build}"
. selftests/vm/lib.sh

program=$BUILD/valgrind/test_policy
ok 'not an error, and no leak' valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect,possible "$program" 2000
is "$(grep -c '^ok' "$T/log")" "$(sed -n 's/^1\.\.//p' "$T/log")" 'in all of its points'
done_testing
