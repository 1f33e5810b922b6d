#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Files that are not to be opened, by whatever way they are reached.
. selftests/vm/lib.sh

D=$T/d
kntrl=$(program kntrl)
long=$(printf 'n%.0s' $(seq 200))
mkdir -p "$D/tree/deep" "$D/home/.aws" "$D/home/.config/gh" "$D/any/one/two" "$D/empty" \
	"$D/mounted" "$D/target" "$D/image/etc" "$D/image/bound"
mount -t tmpfs key "$D/mounted"
defer "umount $D/mounted; umount $D/mounted"
for f in secret secret.txt open tree/deep/file home/.aws/key home/.npmrc home/npmrc \
	home/.config/gh/hosts.yml any/one/token any/one/two/token mounted/key target/key image/etc/shadow "$long"; do
	echo text >"$D/$f"
done
ln -s secret "$D/symlink"
ln -s target "$D/real"
ln "$D/secret" "$D/hard"
ln "$D/tree/deep/file" "$D/hard-tree"
ln "$D/open" "$D/open-hard"
cp /bin/true "$D/program"
modprobe overlay

cat >"$T/trace.yaml" <<YAML
version: "1"
mode: trace
rules:
  file:
    blocked_paths:
      - $D/secret
      - $D/tree/
      - $D/any/*/token
      - $D/later
      - $D/mounted/
      - $D/real/key
      - $D/program
      - $D/$long
      - /.npmrc
      - /.aws/
      - /.config/gh/hosts.yml
      - /etc/shadow
      - /proc/*/environ
      - /proc/self/maps
      - /proc/kcore
      - /dev/mem
YAML
sed 's/trace$/monitor/' "$T/trace.yaml" >"$T/monitor.yaml"

ways() {
	timeout 60 python3 -u selftests/vm/files.py "$D" >"$T/out" 2>&1
	diag "$(grep -v "$1" "$T/out")"
}

# every KIND WORD: all ways of that kind, which were tried, ended so.
every() {
	[ "$(grep -c "^$1 " "$T/out")" -ge "$3" ] && ! grep "^$1 " "$T/out" | grep -v " $2\$"
}

ways ' opened$'
ok 'without a policy every way leads to a file' every blocked opened 60
ok 'so do others' every free opened 18
ok 'mode monitor' load "$T/monitor.yaml"
ways ' opened$'
ok 'denies nothing' every blocked opened 60
like "$("$kntrl" report --format json)" \
	"\"proto\":\"file\",\"access\":\"open\",\"flags\":[0-9]+,\"file\":\"$D/secret\",\"policy\":\"block\",\"mode\":\"monitor\",\"denied\":false,\"rule\":\"rules.file.blocked_paths\[0\]\"" \
	'but reports it'
ok 'mode trace' load "$T/trace.yaml"
ways '^blocked .* refused$\|^free .* opened$'
ok 'no way leads to a blocked file' every blocked refused 60
ok 'others do as before' every free opened 18
ok 'cat is refused too' sh -c "! cat $D/secret"
report=$("$kntrl" report --format json)
like "$report" "\"file\":\"$D/secret\",\"policy\":\"block\",\"mode\":\"trace\",\"denied\":true,\"rule\":\"rules.file.blocked_paths\[0\]\"" \
	'a denial is reported with the file and its rule'
like "$report" "\"access\":\"rename\".*\"file\":\"$D/any\"" 'so is a rename'
like "$report" '"file":"/etc/shadow".*"rule":"rules.file.blocked_paths\[' 'and a file of an overlay'
ok 'unload' unload
ways ' opened$'
ok 'then all is opened' every blocked opened 60
done_testing
