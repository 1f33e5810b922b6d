# SPDX-License-Identifier: Apache-2.0
#
# What a process tries against others, from within a scope or from outside of it. For
# the shell tests beside it:
#
#	attack.py secret FILE	keeps a secret in its memory, environment and a file
#				that is deleted already; writes its pid to FILE
#	attack.py memory PID	tries every way to get it out of there
#	attack.py traced CMD...	runs it under PTRACE_TRACEME from before its exec
#	attack.py server KIND NAME FILE
#				an AF_UNIX server (stream, seqpacket, dgram) that says "hello"
#	attack.py unix KIND NAME
#
# "memory" and "unix" print a line "WAY got|EPERM|..." for each way.
import ctypes, errno, os, socket, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
SECRET = b"the-secret-of-the-worker-"


def call(number, *args):
    res = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if res < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return res


def ptrace(request, pid, addr=0, data=0):
    return call(101, request, pid, addr, data)


# --- the victim ---

def secret(path):
    keep = ctypes.create_string_buffer(SECRET + b"in-memory")
    fd = os.open(path + ".deleted", os.O_RDWR | os.O_CREAT)
    os.write(fd, SECRET + b"in-a-file")
    os.unlink(path + ".deleted")
    with open(path + ".new", "w") as f:
        f.write("%d %d %d %d" % (os.getpid(), ctypes.addressof(keep), len(keep), fd))
    os.rename(path + ".new", path)
    while True:
        time.sleep(1)
        keep[0]


# --- other processes ---

class Victim:
    def __init__(self, path):
        self.pid, self.addr, self.len, self.fd = map(int, open(path).read().split())

    def proc(self, name, mode="rb"):
        return open("/proc/%d/%s" % (self.pid, name), mode, buffering=0)


def way_maps(v):
    return v.proc("maps").read()


# As the attack on CI workers did it in 2025: every mapping of data, whole.
def way_dump(v):
    found = b""
    with v.proc("mem") as mem:
        for line in open("/proc/%d/maps" % v.pid):
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            if line.split()[1][:2] != "rw" or end - begin > 4 << 20 or begin > 1 << 47:
                continue
            try:
                mem.seek(begin)
                found += mem.read(end - begin)
            except OSError:
                pass
    return found


def way_mem(v):
    with v.proc("mem") as f:
        f.seek(v.addr)
        return f.read(v.len)


def way_mem_write(v):
    with v.proc("mem", "r+b") as f:
        f.seek(v.addr)
        f.write(SECRET)
        return SECRET


def way_environ(v):
    return v.proc("environ").read()


def way_deleted_file(v):
    return v.proc("fd/%d" % v.fd).read()


def way_root(v):
    return v.proc("root/etc/passwd").read() and SECRET


def way_setns(v):
    with v.proc("ns/mnt") as f:
        return SECRET


def iovec(base, length):
    return struct.pack("QQ", base, length)


def vm(number, v, data):
    local = ctypes.create_string_buffer(data, v.len)
    liov = ctypes.create_string_buffer(iovec(ctypes.addressof(local), len(data)))
    riov = ctypes.create_string_buffer(iovec(v.addr, len(data)))
    call(number, v.pid, liov, 1, riov, 1, 0)
    return local.raw


def way_process_vm_readv(v):
    return vm(310, v, bytes(v.len))


def way_process_vm_writev(v):
    return vm(311, v, SECRET)


def way_ptrace_attach(v):
    ptrace(16, v.pid)
    os.waitpid(v.pid, 0)
    try:
        word = libc.ptrace(ctypes.c_long(1), ctypes.c_long(v.pid), ctypes.c_long(v.addr), None)
        return SECRET if word else b""
    finally:
        ptrace(17, v.pid)


def way_ptrace_seize(v):
    ptrace(0x4206, v.pid)
    ptrace(0x4207, v.pid)
    os.waitpid(v.pid, 0x40000000)
    ptrace(17, v.pid)
    return SECRET


def way_pidfd_getfd(v):
    pidfd = os.pidfd_open(v.pid)
    fd = call(438, pidfd, v.fd, 0)
    os.close(pidfd)
    return os.pread(fd, 64, 0)


def way_kcmp(v):
    call(312, os.getpid(), v.pid, 0, 0, 0)
    return SECRET


def way_process_madvise(v):
    pidfd = os.pidfd_open(v.pid)
    iov = ctypes.create_string_buffer(iovec(v.addr & ~4095, 4096))
    call(440, pidfd, iov, 1, 20, 0)
    return SECRET


def way_from_a_thread(v):
    import threading
    out = []
    def run():
        try:
            out.append(way_mem(v))
        except OSError as e:
            out.append(e)
    t = threading.Thread(target=run)
    t.start()
    t.join()
    if isinstance(out[0], OSError):
        raise out[0]
    return out[0]


# An orphan, in a session of its own.
def way_from_an_orphan(v):
    return in_child(lambda: in_child(lambda: (os.setsid(), way_mem(v))[1]))


def in_child(func):
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(w, b"+" + func())
        except OSError as e:
            os.write(w, b"-%d" % e.errno)
        os._exit(0)
    os.close(w)
    got = os.read(r, 65536)
    os.waitpid(pid, 0)
    if got[:1] != b"+":
        raise OSError(int(got[1:] or 0), "in the child")
    return got[1:]


def report(name, func, *args):
    try:
        got = func(*args)
        print(name, "got" if SECRET in got or got == SECRET or name == "maps" else "nothing")
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, e.errno))


def ways(prefix, *args):
    for name, func in sorted(globals().items()):
        if name.startswith(prefix):
            report(name[len(prefix):], func, *args)


# What must go on: one's own children, and what everybody may see of others.
def own_children(path):
    child = subprocess.Popen([sys.executable, __file__, "secret", path + ".own"],
                             env={"A": SECRET.decode()})
    while not os.path.exists(path + ".own"):
        time.sleep(0.02)
    ways("way_", Victim(path + ".own"))
    child.kill()
    child.wait()


def traced(args):
    pid = os.fork()
    if not pid:
        ptrace(0, 0)
        os.execvp(args[0], args)
    while True:
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status) & 255)
        sig = os.WSTOPSIG(status)
        ptrace(7, pid, 0, 0 if sig == 5 else sig)


def looks(v):
    for name in "exe", "cwd", "ns/net":
        print("readlink", name, bool(os.readlink("/proc/%d/%s" % (v.pid, name))))
    for name in "stat", "status", "cmdline", "comm":
        print("read", name, bool(v.proc(name).read()))


# --- AF_UNIX ---

KINDS = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET,
         "dgram": socket.SOCK_DGRAM}


def unix_name(name):
    return "\0" + name[1:] if name[0] == "@" else name


def server(args):
    socks = []
    for i in range(0, len(args) - 1, 2):
        s = socket.socket(socket.AF_UNIX, KINDS[args[i]])
        name = unix_name(args[i + 1])
        if name[0] != "\0" and os.path.lexists(name):
            os.unlink(name)
        s.bind(name)
        if args[i] != "dgram":
            s.listen(64)
        socks.append(s)
    open(args[-1], "w").write("ready")
    while True:
        time.sleep(1)


def unix(args):
    for i in range(0, len(args), 2):
        s = socket.socket(socket.AF_UNIX, KINDS[args[i]])
        for how in ("connect",) if args[i] != "dgram" else ("connect", "sendto"):
            try:
                if how == "connect":
                    s.connect(unix_name(args[i + 1]))
                else:
                    s = socket.socket(socket.AF_UNIX, KINDS[args[i]])
                    s.sendto(b"x", unix_name(args[i + 1]))
                print(args[i], how, args[i + 1], "ok")
            except OSError as e:
                print(args[i], how, args[i + 1], errno.errorcode.get(e.errno, e.errno))


what, args = sys.argv[1], sys.argv[2:]
if what == "secret":
    secret(args[0])
elif what == "memory":
    ways("way_", Victim(args[0]))
elif what == "own":
    own_children(args[0])
elif what == "looks":
    looks(Victim(args[0]))
elif what == "traced":
    traced(args)
elif what == "server":
    server(args)
elif what == "unix":
    unix(args)
