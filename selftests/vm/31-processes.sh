#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Which processes a rule means: allowed_processes, profiles, full paths, exempt.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

a=203.0.113.7 b=203.0.113.8 c=203.0.113.9 port=4430
B=$T/bin
R=/run/selftest		# nobody but root can write there, or above
mkdir "$B" "$R"
defer "rm -rf $R"
for name in plain other prof full exempt; do
	cp "$bin/dial" "$B/$name"
	cp "$bin/dial" "$R/$name"
done
for name in maker holder agent shell; do
	cp "$bin/launch" "$B/$name"
	cp "$bin/launch" "$R/$name"
done
cat >"$R/script" <<EOT
#!/usr/bin/python3
import errno, socket, sys
s = socket.socket()
s.settimeout(3)
e = s.connect_ex((sys.argv[1], int(sys.argv[2])))
print(errno.errorcode[e] if e else "ok")
EOT
chmod +x "$R/script"
cp "$R/script" "$B/script"

denied() {
	what=$1
	shift
	is "$("$@" 2>&1 </dev/null | tail -n 1)" EPERM "$what"
}

passes() {
	what=$1
	shift
	is "$("$@" 2>&1 </dev/null | tail -n 1)" ok "$what"
}

policy() {
	cat >"$T/policy.yaml"
	ok 'loads' load "$T/policy.yaml"
}

# In a mount namespace of its own, with $1 where $2 is.
with_mount() {
	from=$1 to=$2
	shift 2
	# shellcheck disable=SC2016 # the inner sh expands them
	unshare -m --propagation private sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' \
		"$from" "$to" "$@"
}

ok 'addresses' addr_add $a $b $c
ok 'a listener' start_recvd tcp:$port
passes 'without kntrl' "$B/other" $b $port

# ---- allowed_processes ----

policy <<EOT
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["$a"]
    allowed_processes:
      - plain
      - {name: maker, children: true}
      - $R/full
      - $R/script
EOT
passes 'a listed process' "$B/plain" $a $port
denied 'is granted nothing by that' "$B/plain" $b $port
denied 'another process' "$B/other" $a $port
denied 'a child of a listed one' "$B/agent" argv0=plain "$B/holder" fork "$B/other" $a $port
passes 'a child, with children: true' "$B/maker" fork "$B/other" $a $port
passes 'a child of a child' "$B/maker" fork sh -c "$B/other $a $port; :"
passes 'an orphan' "$B/maker" orphan "$B/other" $a $port
denied 'no child gets more than is allowed' "$B/maker" fork "$B/other" $b $port
passes 'exec by another thread: the parent counts' "$B/maker" thread "$B/other" $a $port
denied 'exec by another thread: the parent does not' "$B/holder" thread "$B/other" $a $port
passes 'exec by another thread: the name counts' "$B/holder" thread "$B/plain" $a $port
passes 'another thread' "$B/plain" -t $a $port
passes 'a child that shares the image' "$B/plain" -f $a $port
denied 'an argv[0] is no name' "$B/agent" argv0=plain "$B/other" $a $port
passes 'renamed, it is still listed' "$B/plain" -r $a $port

# Full paths.
passes 'a full path' "$R/full" $a $port
denied 'that name elsewhere' "$B/full" $a $port
ln -s "$R/full" "$B/link"
passes 'through a symlink' "$B/link" $a $port
ln -s "$B/full" "$R/trap"
denied 'another file by a symlink beside it' "$R/trap" $a $port
passes 'by descriptor' "$B/agent" fd "$R/full" $a $port
denied 'by argv[0]' "$B/agent" argv0="$R/full" "$B/full" $a $port
denied 'a copy without a file' "$B/agent" memfd "$R/full" $a $port
passes 'the file, in another mount namespace' unshare -m "$R/full" $a $port
denied 'another file at its path, in another mount namespace' \
	with_mount "$B/full" "$R/full" "$R/full" $a $port
passes 'the file at another path, in another mount namespace' \
	with_mount "$R/full" "$B/other" "$B/other" $a $port
mkdir -p "$T/root$R"
cp "$B/full" "$T/root$R/full"
denied 'that path below another root' chroot "$T/root" "$R/full" $a $port
passes 'a script by its path' "$R/script" $a $port
denied 'that script elsewhere' "$B/script" $a $port
denied 'that path below another root, as a script' python3 "$B/script" $a $port
mount --bind "$B/script" "$R/script"
passes 'what root mounts there is at that path' "$R/script" $a $port
umount "$R/script"
denied 'another script there, in another mount namespace' \
	with_mount "$B/script" "$R/script" "$R/script" $a $port

# Many at a time: nobody gets another's identity.
"$B/maker" storm=60 "$B/holder" fork "$B/other" $a $port >"$T/inside" 2>&1 &
inside=$!
"$B/holder" storm=60 "$B/agent" fork "$B/other" $a $port >"$T/outside" 2>&1
wait $inside
is "$(sort "$T/inside" | uniq -c | tr -s ' ')" ' 60 ok' 'a storm of children'
is "$(sort "$T/outside" | uniq -c | tr -s ' ')" ' 60 EPERM' 'a storm of others'

# ---- profiles ----

policy <<EOT
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["$a"]
    profiles:
      - {process: prof, allowed_cidrs: ["$b/32"]}
      - {process: maker, children: true, allowed_cidrs: ["$c/32"]}
      - {process: $R/full, allowed_cidrs: ["$b/32"]}
EOT
passes 'no profile: the lists for all' "$B/other" $a $port
denied 'no profile: not those of a profile' "$B/other" $b $port
passes 'a profile' "$B/prof" $b $port
denied 'instead of the lists for all' "$B/prof" $a $port
passes 'its children have none' "$B/agent" fork "$B/holder" exec "$B/other" $a $port
passes 'children: true' "$B/maker" fork "$B/other" $c $port
denied 'children: true, instead of the lists for all' "$B/maker" fork "$B/other" $a $port
denied 'and by exec' "$B/maker" exec "$B/other" $a $port
denied 'and for an orphan' "$B/maker" orphan "$B/other" $a $port
passes 'an entry of its own comes before that' "$B/maker" fork "$B/prof" $b $port
denied 'and replaces it' "$B/maker" fork "$B/prof" $c $port
passes 'a full path' "$R/full" $b $port
denied 'a full path, instead of the lists for all' "$R/full" $a $port
passes 'that name elsewhere has no profile' "$B/full" $a $port
denied 'nor there' "$B/full" $b $port

# ---- exempt ----

policy <<EOT
version: "1"
mode: trace
rules:
  exempt: [$R/exempt, $R/agent]
  network:
    allowed_ips: ["$a"]
  process:
    blocked_chains:
      - {process: exempt, ancestors: [holder]}
EOT
passes 'an exempt program' "$R/exempt" $b $port
passes 'in a thread' "$R/exempt" -t $b $port
passes 'even under a chain' "$B/holder" fork "$R/exempt" $b $port
denied 'another one of that name' "$B/exempt" $b $port
denied 'its children' "$R/agent" fork "$B/other" $b $port
denied 'what replaces it' "$R/agent" exec "$B/other" $b $port
denied 'what replaces it, by another thread' "$R/agent" thread "$B/other" $b $port
denied 'another file at its path, in another mount namespace' \
	with_mount "$B/exempt" "$R/exempt" "$R/exempt" $b $port
denied 'a copy without a file' "$B/agent" memfd "$R/exempt" $b $port

for path in "$B/exempt" exempt "$R/absent"; do
	sed "s|exempt: .*|exempt: [$path]|" "$T/policy.yaml" >"$T/bad.yaml"
	status_is 2 "exempt: $path is refused" load "$T/bad.yaml"
done
chmod g+w "$R/exempt"
status_is 2 'so is a file that a group can write' load "$T/policy.yaml"
chmod g-w "$R/exempt"
chmod 1777 "$R"
status_is 2 'and a directory that all can write' load "$T/policy.yaml"
chmod 755 "$R"
passes 'the policy before is still there' "$R/exempt" $b $port

done_testing
