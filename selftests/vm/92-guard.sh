#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# self_protect: root within the scope cannot undo what is in force; who is outside of
# it, or holds the token, can.
. selftests/vm/lib.sh

P=/sys/fs/bpf/kntrl
token=$T/token
loader=$(program kntrl-load)
kntrl=$(program kntrl)

report() {
	"$kntrl" --token-file "$token" report --format json
}

# loaded ARGUMENT...: the token goes through a pipe.
loaded() {
	"$loader" --token-file /dev/fd/9 "$@" 9>&1 >/dev/null 2>"$T/said" | cat >"$token"
	[ -s "$token" ] || ! cat "$T/said"
}

policy() {
	cat >"$T/$1.yaml" <<YAML
version: "1"
mode: $2
rules:
  self_protect: $3
  network:
    allow_local_ranges: false
    allowed_ips: [203.0.113.7]
    blocked_sockets: [$T/docker.sock]
YAML
}

# raw WHAT...: each in a process of its own; "WHAT ok", or the name of the error.
cat >"$T/raw.py" <<'PYTHON'
import ctypes, errno, fcntl, mmap, os, pty, signal, socket, struct, sys

libc = ctypes.CDLL(None, use_errno=True)

def call(*args):
    if libc.syscall(*args) < 0:
        raise OSError(ctypes.get_errno(), "")

def unlock(token):
    call(321, 0x6b6e7472, token, len(token))

def module(path):
    call(313, os.open(path, os.O_RDONLY), b"", 0)

def map_write(path):
    name = ctypes.create_string_buffer(path.encode())
    attr = struct.pack("QII", ctypes.addressof(name), 0, 0)
    call(321, 7, attr, len(attr))

# A table of nftables where packets leave a device (family netdev, 5) or a bridge (7).
def table(family):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    def message(kind, family, resource):
        return struct.pack("IHHIIBBH", 20, kind, 5, 0, 0, family, 0, resource)
    s.sendto(message(16, 0, 0x0a00) + message(0x0a00, family, 0) + message(17, 0, 0x0a00), (0, 0))

# As a 32-bit program does it: int 0x80.
def ioctl32(request):
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(bytes.fromhex("534189c889d14489c289f389f8cd805bc3"))
    at = ctypes.addressof(ctypes.c_char.from_buffer(code))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    got = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int] * 4)(at)(54, s.fileno(), request, 0)
    if got < 0:
        raise OSError(-got, "")

# What every process has on its stack: struct perf_event_attr, of the software clock.
def stacks():
    attr = struct.pack("IIQQQQQ", 1, 112, 0, 1000000, 1 << 13, 0, 1 << 5).ljust(112, b"\0")
    call(298, attr, -1, 0, -1, 0)

def slip():
    fcntl.ioctl(pty.openpty()[1], 0x5423, struct.pack("i", 1))

def node(path, major, minor, flags):
    if not os.path.exists(path):
        os.mknod(path, 0o20600, os.makedev(major, minor))
    os.close(os.open(path, flags))

def program(kind):
    attr = struct.pack("I", kind).ljust(128, b"\0")
    call(321, 5, attr, len(attr))

# A map under the name of a link of ours.
def pin(path):
    attr = struct.pack("IIII", 2, 4, 4, 1).ljust(128, b"\0")
    fd = libc.syscall(321, 0, attr, len(attr))
    name = ctypes.create_string_buffer(path.encode())
    attr = struct.pack("QI", ctypes.addressof(name), fd)
    call(321, 6, attr, len(attr))

# A copy that is made private, by the call that no hook sees, below a mount that is shared.
def private_copy():
    if libc.unshare(0x20000):
        raise OSError(ctypes.get_errno(), "")
    path = b"/sys/fs/bpf"
    call(442, -100, path, 0, struct.pack("QQQQ", 0, 0, 1 << 18, 0), 32)
    if libc.umount2(path, 2):
        raise OSError(ctypes.get_errno(), "")

# A tunnel's kind: plainly, behind a nest that is broken, behind many attributes or messages.
def tunnel(how):
    def attribute(kind, data):
        return struct.pack("HH", 4 + len(data), kind) + data.ljust((len(data) + 3) & ~3, b"\0")
    def message(kind, body):
        return struct.pack("IHHII", 16 + len(body), kind, 5, 0, 0) + body
    info = attribute(18, attribute(1, b"vxlan\0"))
    info = {"plain": b"", "nest": attribute(18, bytes(4)), "many": attribute(0, b"") * 300,
            "flood": b""}[how] + info
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, 32, 1 << 23)   # SO_SNDBUFFORCE
    noops = struct.pack("IHHII", 16, 1, 0, 0, 0) * (65600 if how == "flood" else 0)
    s.sendto(noops + message(16, bytes(16) + info), (0, 0))

def trace(pid):
    if libc.ptrace(0x4206, pid, 0, 0):
        raise OSError(ctypes.get_errno(), "")

def cover(path):
    if libc.mount(b"/bin/true", path.encode(), None, 4096, None):
        raise OSError(ctypes.get_errno(), "")

what = {
    "cover": cover,
    "program": lambda kind: program(int(kind)),
    "pin": pin,
    "private_copy": private_copy,
    "tunnel": tunnel,
    "trace": lambda pid: trace(int(pid)),
    "kill": lambda pid: os.kill(int(pid), signal.SIGKILL),
    "kcore": lambda: os.close(os.open("/proc/kcore", os.O_RDONLY)),
    "zero": lambda: unlock(bytes(32)),
    "guess": lambda: unlock(b"x" * 32),
    "init_module": lambda: call(175, bytes(4096), 4096, b""),
    "finit_module": lambda: module("/proc/self/exe"),
    "kexec": lambda: call(246, 0, 0, 0, 0),
    "mem": lambda where: node(where + "/mem", 1, 1, os.O_RDWR),
    "control": lambda: map_write("/sys/fs/bpf/kntrl/control"),
    "table": lambda family: table(int(family)),
    "ioctl32": lambda: ioctl32(0x89f1),
    "stacks": stacks,
    "slip": slip,
    "write": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "truncate": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC)),
    "read": lambda path: os.close(os.open(path, os.O_RDONLY)),
}
for arg in sys.argv[1:]:
    name, _, value = arg.partition("=")
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        continue
    try:
        what[name](*[value] if value else [])
        print(arg, "ok", flush=True)
    except OSError as e:
        print(arg, errno.errorcode[e.errno], flush=True)
    os._exit(0)
PYTHON

raw() {
	python3 "$T/raw.py" "$@"
}

# Of several, the last word of each line.
raws() {
	raw "$@" | sed 's/.* //' | tr '\n' ' ' | sed 's/ $//'
}

# all_refused NAME WHAT...
all_refused() {
	name=$1
	shift
	raw "$@" >"$T/raws"
	is "$(grep -v ' EPERM$' "$T/raws"; wc -l <"$T/raws")" "$#" "$name"
}

# shellcheck disable=SC2046 # a list of zeroes
scope_off="bpftool map update pinned $P/scopes key 0 0 0 0 value $(printf '0 %.0s' $(seq 32))"

# refused CMD...: with EPERM, in the words of its program.
refused() {
	! "$@" >"$T/said" 2>&1 && grep -q -i -E 'not permitted|permission denied|superuser|echo: I/O error|protects itself' "$T/said"
}

held() {
	not_ok "$1: what is denied stays denied" connects 203.0.113.8 443
}

lost() {
	ok "without self_protect, $1 opens all" connects 203.0.113.8 443
}

ok 'addresses' addr_add 203.0.113.7 203.0.113.8
ok 'listeners' listen tcp:203.0.113.7:443 tcp:203.0.113.8:443
mount --make-rshared /
defer 'mount --make-rprivate /'
policy on trace true
policy off trace false
policy monitor monitor true
mkdir -p "$T/debug"

# --- what the attacks do when nothing keeps them from it ---

ok 'a policy that does not protect itself' load "$T/off.yaml"
not_ok 'denies' connects 203.0.113.8 443
ok 'the table of scopes can be written' sh -c "$scope_off"
touch "$T/output" "$T/debug/x"
opens="control kexec mem=$T kcore write=$T/on.yaml read=$T/on.yaml cut=$T/output truncate=$T/output"
opens="$opens stacks pin=$P/link_self_bpf cover=$T/debug/x"
looks='init_module finit_module table=5 table=7 program=26 tunnel=plain tunnel=nest tunnel=many'
looks="$looks tunnel=flood ioctl32 slip"
# shellcheck disable=SC2086 # lists
raw $opens $looks >"$T/raws"
for what in $opens; do
	like "$(cat "$T/raws")" "^$what ok\$" "unprotected: $what"
done
unlike "$(cat "$T/raws")" ' EPERM$' 'nothing is refused'
umount "$T/debug/x"
ok 'a tunnel of L2TP' ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp \
	local 127.0.0.1 remote 127.0.0.2 udp_sport 5000 udp_dport 5000
ip l2tp del tunnel tunnel_id 1
ok 'load again' load "$T/off.yaml"
ok 'without it' rm $P/link_self_bpf
ftrace=$(cat /proc/sys/kernel/ftrace_enabled)
echo 0 >/proc/sys/kernel/ftrace_enabled
status_is 124 'kernel.ftrace_enabled=0 leaves the packets to the backstop' connects 203.0.113.8 443
echo "$ftrace" >/proc/sys/kernel/ftrace_enabled
not_ok 'and closes' connects 203.0.113.8 443
ok 'the pins can be unmounted' umount -l /sys/fs/bpf
wait_for 10 connects 203.0.113.8 443
lost 'unmounting'
ok 'and mounted again' mount -t bpf bpf /sys/fs/bpf

# --- who may end it is said first ---

status_is 1 'for the whole host it is asked who may end it' "$loader" "$T/on.yaml"
like "$(cat "$T/log")" 'token-file FILE.*--seal' 'and how to say so'
not_ok 'nothing was loaded' test -e $P
defer "$loader --unload --token-file $token"
ok 'a policy that does not' load "$T/off.yaml"
not_ok 'needs none of the programs that protect' test -e $P/prog_self_bpf
ok 'one that does is loaded over it, with a token' loaded "$T/on.yaml"
like "$(cat "$token")" '^[0-9a-f]{64}$' 'which a pipe took'
ok 'an agent, by the token' "$kntrl" --token-file "$token" start --daemonize -o "$T/output"
agent=$(cat /run/kntrl/agent.pid 2>/dev/null || cat /tmp/kntrl.pid)

# --- root, with all capabilities, tries everything ---

held 'at first'
not_ok 'allowed is what was' connects 203.0.113.8 443
ok 'and that still' connects 203.0.113.7 443
before=$(ls $P)
ok 'rm -r' refused rm -r $P
ok 'through another root' refused rm -r "/proc/1/root$P"
ok 'unlink a link' refused rm "$P/link_egress"
ok 'rename a link' refused mv "$P/link_egress" "$P/x"
ok 'rename the directory' refused mv "$P" "$P.old"
ok 'unmount' refused umount /sys/fs/bpf
ok 'detach' refused umount -l /sys/fs/bpf
ok 'detach what it is mounted on' refused umount -l /sys
ok 'in a namespace whose mounts are peers' refused \
	unshare -m --propagation unchanged umount -l /sys/fs/bpf
ok 'mount over the pins' refused mount -t tmpfs none $P
ok 'or above' refused mount -t tmpfs none /sys/fs/bpf
ok 'or further up' refused mount -t tmpfs none /sys
ok 'or over a directory between' refused mount -t tmpfs none /sys/fs
is "$(ls $P)" "$before" 'every pin is there'
held 'after that'
ok 'write a map' refused sh -c "$scope_off"
ok 'by its number' refused bpftool map update name scopes key 0 0 0 0 value 0 0 0 0
ok 'read the token' refused bpftool map dump pinned $P/unlock
ok 'take the events' refused bpftool map show pinned $P/events
ok 'detach a link' refused bpftool link detach pinned $P/link_egress
ok 'take a program' refused bpftool prog show pinned $P/prog_egress
ok 'detach it' refused bpftool cgroup detach /sys/fs/cgroup egress pinned $P/prog_egress
ok 'ftrace_enabled' refused sh -c 'echo 0 >/proc/sys/kernel/ftrace_enabled'
ok 'modprobe' refused sh -c 'echo /tmp/x >/proc/sys/kernel/modprobe'
ok 'core_pattern' refused sh -c 'echo "|/tmp/x" >/proc/sys/kernel/core_pattern'
ok 'debugfs' refused sh -c "mount -t debugfs none $T/debug; ls $T/debug/x; cat $T/debug/sleep_time $T/debug/extfrag/* $T/debug/fault_around_bytes"
umount "$T/debug" 2>/dev/null
ip link add x0 type vxlan id 3 remote 203.0.113.8 dstport 4789 2>"$T/said"
like "$(cat "$T/said")" 'Operation not permitted' 'a tunnel'
ip link add x0 type ipip remote 203.0.113.8 2>"$T/said"
like "$(cat "$T/said")" 'Operation not permitted' 'of another kind'
ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 127.0.0.1 remote 127.0.0.2 \
	udp_sport 5000 udp_dport 5000 2>"$T/said"
like "$(cat "$T/said")" 'Operation not permitted' 'and of L2TP'
ip xfrm policy add src 203.0.113.7 dst 203.0.113.8 dir out 2>"$T/said"
like "$(cat "$T/said")" 'Operation not permitted' 'IPsec'
tc filter add dev lo parent ffff: matchall action drop 2>"$T/said"
like "$(cat "$T/said")" 'Operation not permitted' 'a filter of packets'
# shellcheck disable=SC2086 # a list
all_refused 'what looked and opened before' control kexec "mem=$T" kcore stacks $looks
all_refused 'the token is neither zero nor guessed' zero guess
all_refused 'no program before a hook, or behind the packets' program=29 program=3 program=31
unlike "$(raw program=8)" EPERM "a cgroup's may be loaded"
all_refused 'nothing is pinned beside, nor unmounted by way of a copy' "pin=$P/link_stream_judge" private_copy
all_refused 'the agent is neither killed nor traced' "kill=$agent" "trace=$agent"
all_refused 'its output and the policy are not written' "write=$T/on.yaml" "write=$T/output" \
	"cut=$T/output" "truncate=$T/output" "cut=$T/on.yaml"
is "$(raws "read=$T/on.yaml" "read=$T/output")" 'ok ok' 'but may be read'
ok 'nor removed' refused rm "$T/on.yaml"
ok 'nor replaced' refused mv "$T/off.yaml" "$T/on.yaml"
ok 'nor moved away with what they are in' refused mv "$T" "$T.old"
all_refused 'nor covered, nor is the program' "cover=$T/on.yaml" "cover=$loader"
is "$(ls $P)" "$before" 'every pin is there'
status_is 1 'unload' "$loader" --unload
like "$(cat "$T/log")" 'protects itself.*--token-file' 'says what is wanting'
ok 'load another policy' refused "$loader" "$T/off.yaml"
head -c 64 /dev/zero | tr '\0' 5 >"$T/wrong"
status_is 1 'with a wrong token' "$loader" --unload --token-file "$T/wrong"
like "$(cat "$T/log")" 'is not the token' 'which is said'
held 'after all of it'
is "$(ls $P)" "$before" 'every pin is there'
is "$(cat /proc/sys/kernel/ftrace_enabled)" "$ftrace" 'and ftrace is on'

# --- what the npm worm of 2025 does to a runner's agent ---

background python3 -c "
import socket, time
s = socket.socket(socket.AF_UNIX); s.bind('$T/docker.sock'); s.listen(); time.sleep(600)"
wait_for 10 test -S "$T/docker.sock"
cat >"$T/worm" <<WORM
curl --silent --max-time 5 --unix-socket $T/docker.sock -X POST http://docker/containers/create; echo docker \$?
echo 'runner ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/runner && chmod 440 /etc/sudoers.d/runner && echo sudoers
sed -i '/github/d' /etc/hosts && echo hosts
echo 'nameserver 203.0.113.8' >/etc/resolv.conf && echo resolver
nft flush ruleset && echo flushed
pkill -9 kntrl; kill -9 $agent && echo killed
WORM
mkdir -p /etc/sudoers.d
sh "$T/worm" >"$T/did" 2>/dev/null
like "$(cat "$T/did")" '^docker 7$' 'the worm: no privileged container'
is "$(grep -v docker "$T/did" | tr '\n' ' ')" 'sudoers hosts resolver flushed ' 'it changes what is not ours'
held 'after the worm'
not_ok 'not even the resolver that it wrote is asked' \
	python3 -c 'import socket; socket.socket(2, 2).sendto(b"x" * 20, ("203.0.113.8", 53))'
ok 'the agent lives' kill -0 "$agent"

# --- what is nobody's harm still works ---

ok 'no map is to be read' refused bpftool map show pinned $P/scopes
ok 'nor reported' refused "$kntrl" report
ok 'a veth pair' ip link add x0 type veth peer name x1
ip link del x0
ok 'a mount elsewhere' mount -t tmpfs none "$T/debug"
ok 'and its end' umount "$T/debug"
said=$(report)
for what in "remove kntrl's pins" "unmount kntrl's pins" 'change kntrl by bpf command' \
	'change the kernel' 'change a protected sysctl' 'send behind the hooks' 'unlock kntrl' \
	"change kntrl's files" 'signal kntrl, by 9'; do
	like "$said" "\"daddr\":\"$what.*\"denied\":true,\"rule\":\"rules.self_protect\"" "told: $what"
done

# --- who holds the token ---

ok 'the token stops the agent, and that alone' "$kntrl" --token-file "$token" stop --keep
held 'after the agent'
cp "$token" "$T/copy"
ok 'the token reloads' load --token-file "$token" "$T/on.yaml"
held 'after the reload'
is "$(cat "$token")" "$(cat "$T/copy")" 'and stays the same'
ok 'monitor' load --token-file "$token" "$T/monitor.yaml"
is "$(raws control)" ok 'keeps nobody from anything'
like "$(report)" '"daddr":"change kntrl.*"mode":"monitor","denied":false' 'but tells'
ok 'on again' load --token-file "$token" "$T/on.yaml"
is "$(raws control)" EPERM 'it is'
ok 'the token unloads' "$loader" --unload --token-file "$token"
not_ok 'all of it' test -e $P
ok 'and all is open' connects 203.0.113.8 443

# --- a scope: who is outside may ---

cat >"$T/inside" <<INSIDE
read -r go
python3 $T/raw.py trace=$$ read=$T/token2 write=$T/token2 | grep -v EPERM
rm $T/token2 2>/dev/null && echo removed
rm -r $P 2>/dev/null && echo removed
echo 0 2>/dev/null >/proc/sys/kernel/ftrace_enabled && echo off
$loader --unload --token-file $T/token2 2>/dev/null && echo unloaded
timeout 10 bash -c 'exec 3<>/dev/tcp/203.0.113.8/443' 2>/dev/null && echo connected
echo done
INSIDE
mkfifo "$T/go"
sh "$T/inside" <"$T/go" >"$T/did" 2>&1 &
inside=$!
exec 3>"$T/go"
ok 'a tree, and its token in a file' load --token-file "$T/token2" --scope "tree:$inside" "$T/on.yaml"
is "$(stat -c '%a %u %s' "$T/token2")" '600 0 65' 'which root alone can read'
echo go >&3
wait "$inside"
is "$(cat "$T/did")" 'done' 'from within nothing can be done, nor the file be read'
ok 'from outside it can' grep -q . "$T/token2"
sh -c "read -r go; python3 $T/raw.py zero control" <"$T/go" >"$T/did" 2>&1 &
inside=$!
exec 3>"$T/go"
ok 'another, sealed' load --seal --scope "tree:$inside" "$T/on.yaml"
echo go >&3
wait "$inside"
is "$(cat "$T/did")" "zero EPERM
control EPERM" 'there is no token, and no way'
ok 'from outside it is ended' "$loader" --unload
not_ok 'and gone' test -e $P

done_testing
