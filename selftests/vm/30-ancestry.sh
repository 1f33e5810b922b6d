#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Blocked chains: "curl under npm" must be seen however npm comes to curl, and nothing
# else may be taken for it. The address is allowed; only the chain denies.
# shellcheck disable=SC2317 # functions that ok and is call
set -u
. selftests/vm/lib.sh
. selftests/vm/attempts.sh

addr=203.0.113.7 port=4430
B=$T/bin
mkdir "$B" "$T/scripts"
for name in curl npm npm2 curlew other make; do
	case $name in
	curl | curlew | other) from=dial ;;
	*) from=launch ;;
	esac
	cp "$bin/$from" "$B/$name"
done
dial=$bin/dial
loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
busybox=$(command -v busybox)

cat >"$T/policy.yaml" <<EOT
version: "1"
mode: trace
rules:
  network:
    allowed_ips: ["$addr"]
  process:
    enabled: true
    blocked_chains:
      - {process: curl, ancestors: [npm]}
      - {process: nc, ancestors: [npm]}
      - {process: other, ancestors: [node]}
      - {process: other, ancestors: [task.py]}
      - {process: other, ancestors: [task.sh, python3]}
      - {process: git, ancestors: [make]}
      - {process: dial, ancestors: [make, npm]}
EOT

# denied NAME CMD..., passes NAME CMD...: what the program prints last, orphan or not.
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

# The real curl, which tells by its status: 7 is "failed to connect",
# 28 that it was connected until its time was over.
real_curl() {
	"$@" -q -s -m 1 "telnet://$addr:$port" >/dev/null 2>&1 </dev/null
}

ok 'an address' addr_add $addr
ok 'a listener' start_recvd tcp:$port-$((port + 1))

# They run before the load, and are named then.
"$B/npm" await="$T/go" "$B/curl" $addr $port >"$T/before" 2>&1 &
before=$!
"$B/npm" fork sh -c "while [ ! -e $T/go ]; do sleep 0.1; done; $B/curl $addr $port" >"$T/deep" 2>&1 &
deep=$!
sh -c "while [ ! -e $T/go ]; do sleep 0.1; done; exec $B/curl $addr $port" >"$T/outside" 2>&1 &
outside=$!

passes 'without kntrl' "$B/npm" fork "$B/curl" $addr $port
ok 'loads' load "$T/policy.yaml"

# What is not the chain.
passes 'a direct run' "$B/curl" $addr $port
passes 'another program under npm' "$B/npm" fork "$B/other" $addr $port
passes 'a name that begins alike' "$B/npm" fork "$B/curlew" $addr $port
passes 'an ancestor whose name begins alike' "$B/npm2" fork "$B/curl" $addr $port
passes 'one ancestor of two' "$B/npm" fork "$dial" $addr $port
passes 'npm in the arguments only' sh -c "$B/curl $addr $port; :" npm
passes 'the chain upside down' "$B/npm" fork "$B/other" $addr $port

# The chain.
denied 'a child' "$B/npm" fork "$B/curl" $addr $port
denied 'a child by vfork' "$B/npm" vfork "$B/curl" $addr $port
denied 'in its own place' "$B/npm" exec "$B/curl" $addr $port
denied 'a grandchild' "$B/npm" fork sh -c "$B/curl $addr $port; :"
denied 'sh -c exec' "$B/npm" fork sh -c "exec $B/curl $addr $port"
denied 'far down' "$B/npm" fork "$B/make" fork sh -c "env $B/make exec $B/curl $addr $port"
denied 'an orphan of its own session' "$B/npm" orphan "$B/curl" $addr $port
denied 'setsid and nohup' "$B/npm" fork setsid nohup "$B/curl" $addr $port
denied 'in the background' sh -c "$B/npm fork sh -c '$B/curl $addr $port &'"
denied 'a thread that connects' "$B/npm" fork "$B/curl" -t $addr $port
denied 'a thread that executes' "$B/npm" thread "$B/curl" $addr $port
denied 'a thread that executes, and another' "$B/npm" thread "$B/npm2" thread "$B/curl" $addr $port
denied 'a child that shares the image' "$B/npm" fork "$B/curl" -f $addr $port
denied 'curl that renamed itself' "$B/npm" fork "$B/curl" -r $addr $port
denied 'curl that renamed itself, in a thread' "$B/npm" fork "$B/curl" -r -t $addr $port
denied 'npm that renamed itself' "$B/npm" rename "$B/curl" $addr $port
denied 'a datagram' "$B/npm" fork "$B/curl" -u $addr $port
denied 'two ancestors, whichever way round' "$B/npm" fork "$B/make" fork "$dial" $addr $port
denied 'two ancestors, the other way round' "$B/make" fork "$B/npm" fork "$dial" $addr $port
denied 'both by exec' "$B/make" exec "$B/npm" exec "$dial" $addr $port

# Names.
ln -s curl "$B/get"
ln -s "$dial" "$T/scripts/curl"
ln -s "$B/npm2" "$T/scripts/npm"
denied 'by a symlink of another name' "$B/npm" fork "$B/get" $addr $port
denied 'by a symlink of that name' "$B/npm" fork "$T/scripts/curl" $addr $port
denied 'npm by a symlink' "$T/scripts/npm" fork "$B/curl" $addr $port
denied 'by descriptor' "$B/npm" fd "$B/curl" $addr $port
denied 'by another argv[0]' "$B/npm" argv0=innocent "$B/curl" $addr $port
cp "$B/curl" "$B/copy"
ln "$B/curl" "$B/hard"
passes 'a copy of another name is not known' "$B/npm" fork "$B/copy" $addr $port
passes 'nor is a hard link of another name' "$B/npm" fork "$B/hard" $addr $port
passes 'nor is a copy without a file' "$B/npm" memfd "$B/curl" $addr $port
denied 'but what it executes is still under npm' "$B/npm" memfd "$B/npm2" fork "$B/curl" $addr $port

# The dynamic loader, with the real curl.
curl=$(command -v curl)
long=/usr/lib:$(printf '/usr/lib/%0300d' 0)
status_is 28 'curl directly' real_curl "$curl"
status_is 7 'curl under npm' real_curl "$B/npm" fork "$curl"
status_is 28 'by the loader, directly' real_curl "$loader" "$curl"
status_is 7 'by the loader' real_curl "$B/npm" fork "$loader" "$curl"
status_is 7 'by the loader with a path' real_curl "$B/npm" fork "$loader" --library-path /usr/lib "$curl"
status_is 7 'by the loader with a long path' real_curl "$B/npm" fork "$loader" --library-path "$long" "$curl"
status_is 7 'by the loader with another argv[0]' real_curl "$B/npm" fork "$loader" --argv0 x "$curl"
status_is 7 'by the loader with a preload' real_curl "$B/npm" fork "$loader" --preload '' \
	--inhibit-cache --inhibit-rpath x "$curl"
# shellcheck disable=SC2046 # words are meant
status_is 7 'by the loader with many options' real_curl "$B/npm" fork "$loader" \
	$(yes -- --inhibit-cache | head -n 20) "$curl"
ln -s "$loader" "$B/innocent"
status_is 7 'by the loader through a symlink' real_curl "$B/npm" fork "$B/innocent" "$curl"

# busybox.
applet() {
	"$@" -w 1 $addr $port 2>&1 </dev/null
	echo "status $?"
}
refusal='Operation not permitted'
ln -s "$busybox" "$B/nc"
is "$(applet "$busybox" nc)" 'status 0' 'busybox nc directly'
is "$(applet "$B/npm2" fork "$B/nc")" 'status 0' 'a symlink to busybox outside of the chain'
like "$(applet "$B/npm" fork "$B/nc")" "$refusal" 'a symlink to busybox'
like "$(applet "$B/npm" fork "$busybox" nc)" "$refusal" 'busybox nc'
like "$(applet "$B/npm" fork "$busybox" busybox nc)" "$refusal" 'busybox busybox nc'
like "$(applet "$B/npm" argv0=/x/nc "$busybox")" "$refusal" 'busybox by argv[0]'
like "$(applet "$B/npm" argv0=-nc "$busybox")" "$refusal" 'busybox by argv[0] as of a login shell'
like "$(applet "$B/npm" fork "$busybox" sh -c '"$@"' sh nc)" "$refusal" "busybox sh's own nc"

# Scripts.
cat >"$T/scripts/npm.js" <<EOT
#!/usr/bin/env node
require('child_process').spawnSync(process.argv[2], process.argv.slice(3), {stdio: 'inherit'})
EOT
cat >"$T/scripts/task.py" <<EOT
#!/usr/bin/python3
import os, sys
os.execv(sys.argv[1], sys.argv[1:])
EOT
cat >"$T/scripts/task.sh" <<EOT
#!/bin/sh
"\$@"
EOT
chmod +x "$T"/scripts/*.*
mkdir "$T/js" "$T/sh"
cp "$T/scripts/npm.js" "$T/js/npm"
cp "$T/scripts/task.sh" "$T/sh/npm"
passes 'a node script of another name' "$T/scripts/npm.js" "$B/curl" $addr $port
denied 'a node script named npm, behind env' "$T/js/npm" "$B/curl" $addr $port
denied 'it is node too' "$T/js/npm" "$B/other" $addr $port
denied 'node with the script named npm' node "$T/js/npm" "$B/curl" $addr $port
denied 'a python script' "$T/scripts/task.py" "$B/other" $addr $port
denied 'python3 with the script' python3 -u "$T/scripts/task.py" "$B/other" $addr $port
denied 'a shell script named npm' "$T/sh/npm" "$B/curl" $addr $port
denied 'sh with the script' sh "$T/sh/npm" "$B/curl" $addr $port
denied 'sh with options' sh -e -u "$T/sh/npm" "$B/curl" $addr $port
denied 'bash as a CI job starts it' bash --noprofile --norc -e -o pipefail "$T/sh/npm" \
	"$B/curl" $addr $port
denied 'bash with joined options' bash --noprofile --norc -eo pipefail "$T/sh/npm" "$B/curl" \
	$addr $port
denied 'a script run by a script' "$T/scripts/task.py" "$T/scripts/task.sh" "$B/other" $addr $port
denied 'a relative path' sh -c "cd $T/sh && exec ./npm $B/curl $addr $port"
denied 'by the PATH' env PATH="$T/sh:$B:$PATH" npm curl $addr $port

# git's helpers are git.
git_says() {
	"$@" git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=1 ls-remote "http://$addr:$((port + 2))/x" \
		2>&1 </dev/null
}
unlike "$(git_says env)" 'not permitted' 'git directly'
git_says "$B/make" fork >"$T/git"
like "$(flows)" '"task_name":"git[^"]*".*"daddr":"'$addr'","dport":'$((port + 2))'.*"denied":true' \
	'git under make'

# Named at the load.
: >"$T/go"
wait $before $deep $outside
is "$(cat "$T/before")" EPERM 'npm from before the load'
is "$(cat "$T/deep")" EPERM 'a shell of its from before the load'
is "$(cat "$T/outside")" ok 'a shell from before the load that is not'

# The report has the line, nearest first.
like "$(flows)" '"task_name":"curl".*"denied":true.*"ancestors":\["sh","npm"' \
	'the ancestors are reported, nearest first'
unlike "$(flows)" '"task_name":"(innocent|harmless)"' 'not by the names that processes gave themselves'

done_testing
