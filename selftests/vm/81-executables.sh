#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Programs that may not be executed, and the ways round that: other names of the same
# file, scripts and what runs them, descriptors, the dynamic loader, busybox.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
loader=$(echo /lib64/ld-linux-x86-64.so.*)
mkdir "$T/bin" "$T/full" "$T/other"
cp /usr/bin/env "$T/bin/evil"
cp /usr/bin/env "$T/bin/good"
cp /usr/bin/env "$T/full/tool"
cp /usr/bin/env "$T/other/tool"
cp "$(command -v busybox)" "$T/bin/busybox"
ln -s evil "$T/bin/link"
ln -s good "$T/bin/symlink-evil"
ln "$T/full/tool" "$T/bin/hard"
ln -s "$T/full/tool" "$T/bin/soft"
printf '#!/bin/sh\ntrue\n' >"$T/bin/script.sh"
printf '#!%s true\n' "$T/bin/evil" >"$T/bin/by-evil"
printf 'pass\n' >"$T/bin/worm.py"
printf '#!/bin/sh\n"%s/bin/%s" true; exit $?\n' "$T" chained >"$T/bin/gate"
cp /usr/bin/env "$T/bin/chained"
# By the endings of their names: one interpreter may be executed, the other not.
cp /usr/bin/true "$T/bin/plain"
cp /usr/bin/true "$T/bin/wget"
touch "$T/bin/blocked.kxa" "$T/bin/any.kxb"
misc=/proc/sys/fs/binfmt_misc
[ -e $misc/register ] || mount -t binfmt_misc none $misc
ok 'binfmt_misc' sh -c "echo ':kxa:E::kxa::$T/bin/plain:' >$misc/register &&
	echo ':kxb:E::kxb::$T/bin/wget:' >$misc/register"
defer "echo -1 >$misc/kxa; echo -1 >$misc/kxb"
mkdir "$T/lower" "$T/upper" "$T/work" "$T/merged"
cp /usr/bin/env "$T/lower/evil"
ok 'an overlay' mount -t overlay overlay \
	-o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" "$T/merged"
defer "umount $T/merged"
chmod +x "$T"/bin/*
cat >"$T/by.py" <<'PYTHON'
import ctypes, os, subprocess, sys, threading

def copy_to_memfd(name, path):
    fd = os.memfd_create(name, 0)
    with open(path, "rb") as f:
        os.write(fd, f.read())
    return fd

def run(how, path):
    argv = [path, "true"]
    if how == "fexecve":
        os.execve(os.open(path, os.O_RDONLY), argv, os.environ)
    if how == "opath":
        os.execve("/proc/self/fd/%d" % os.open(path, os.O_PATH), argv, os.environ)
    if how == "execveat":
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(path, os.O_PATH)
        av = (ctypes.c_char_p * 3)(path.encode(), b"true", None)
        libc.syscall(322, fd, b"", av, (ctypes.c_char_p * 1)(None), 0x1000)
        raise OSError(ctypes.get_errno(), "execveat")
    if how == "memfd":
        os.execve(copy_to_memfd(os.path.basename(path), path), argv, os.environ)
    if how == "deleted":
        copy = os.path.join(os.path.dirname(path), "..", "other", os.path.basename(path))
        with open(path, "rb") as f, open(copy, "wb") as g:
            g.write(f.read())
        os.chmod(copy, 0o755)
        fd = os.open(copy, os.O_RDONLY)
        os.unlink(copy)
        os.execve(fd, argv, os.environ)
    if how == "relative":
        os.chdir(os.path.dirname(path))
        os.execv("../bin/./" + os.path.basename(path), argv)
    if how == "thread":
        threading.Thread(target=try_exec, args=(path, argv)).start()
        threading.Event().wait(10)
    if how == "vfork":
        sys.exit(subprocess.run(argv).returncode)

def try_exec(path, argv):
    try:
        os.execv(path, argv)
    except OSError as e:
        os._exit(10 + (e.errno == 1))

try:
    run(*sys.argv[1:])
except PermissionError as e:
    sys.exit(11 if e.errno == 1 else 12)
except OSError:
    sys.exit(10)
PYTHON

by() {
	python3 "$T/by.py" "$1" "$2"
}
ways='fexecve opath execveat memfd deleted relative thread vfork'

policy() {
	cat <<YAML
version: "1"
mode: $1
rules:
  network: {allow_local_ranges: true}
  process:
    blocked_executables:
      - evil
      - symlink-evil
      - script.sh
      - worm.py
      - wget
      - $T/full/tool
      - blocked.kxa
    blocked_chains:
      - {process: chained, ancestors: [gate], action: exec}
YAML
}
policy trace >"$T/trace.yaml"
policy monitor >"$T/monitor.yaml"

# expect STATUS NAME CMD...: exits with 0 where it may be executed, else with STATUS.
expect() {
	want=$1 name=$2
	shift 2
	[ "$may" = 'may not' ] || want=0
	status_is "$want" "$may: $name" "$@"
}

# every WHETHER: each way to execute it; "may" or "may not".
every() {
	may=$1
	expect 126 'by its name' "$T/bin/evil" true
	expect 126 'by a symbolic link to it' "$T/bin/link" true
	expect 126 'by the name of a symbolic link' "$T/bin/symlink-evil" true
	expect 126 'a script' "$T/bin/script.sh"
	expect 137 'a script given to its interpreter' sh "$T/bin/script.sh"
	expect 137 'a script given to another' python3 "$T/bin/worm.py"
	expect 126 'an interpreter, for a script' "$T/bin/by-evil"
	expect 137 'by the dynamic loader' "$loader" "$T/bin/evil" true
	expect 126 'a full path' "$T/full/tool" true
	expect 126 'a full path, by a hard link' "$T/bin/hard" true
	expect 126 'a full path, by a symbolic link' "$T/bin/soft" true
	expect 127 'a full path, by the dynamic loader' "$loader" "$T/full/tool" true
	expect 127 'a full path, by the loader and a hard link' "$loader" "$T/bin/hard" true
	expect 126 'by binfmt_misc' "$T/bin/blocked.kxa"
	expect 126 'an interpreter, by binfmt_misc' "$T/bin/any.kxb"
	expect 126 'through an overlay' "$T/merged/evil" true
	expect 126 'what a chain names' "$T/bin/gate"
	for how in $ways; do
		expect 11 "$how" by "$how" "$T/bin/evil"
	done
	expect 11 'a full path, fexecve' by fexecve "$T/full/tool"
}

wget_status() {
	status=0
	"$T/bin/busybox" wget --help >/dev/null 2>&1 || status=$?
	echo "$status"
}

every may
unlike "$(wget_status)" '^137$' 'may: an applet'

ok 'mode monitor' load "$T/monitor.yaml"
ok 'may, but it is told' "$T/bin/evil" true
ok 'may, but it is told: a script' python3 "$T/bin/worm.py"
report=$("$kntrl" report --format json)
like "$report" '"proto":"exec","program":"evil".*"policy":"block","mode":"monitor","denied":false,"rule":"rules.process.blocked_executables\[0\]"' \
	'what would be denied is reported'
like "$report" '"program":"worm.py".*"denied":false' 'so it is of arguments'

unload
ok 'mode trace' load "$T/trace.yaml"
every 'may not'
is "$(wget_status)" 137 'may not: an applet'
ok 'another name' "$T/bin/good" true
ok 'another file of the same name as a full path' "$T/other/tool" true
ok 'what a chain names, but not in it' "$T/bin/chained" true
ok 'the loader, with another' "$loader" "$T/bin/good" true
ok 'other scripts' sh -c true
report=$("$kntrl" report --format json)
like "$report" "\"file\":\"$T/full/tool\".*\"denied\":true,\"rule\":\"rules.process.blocked_executables\[5\]\"" \
	'a denial is reported with its rule'
like "$report" '"rule":"rules.process.blocked_chains\[0\]"' 'and that of a chain'
like "$("$kntrl" report)" '\| exec .*evil.*block' 'in the table too'

done_testing
