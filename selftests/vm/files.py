# SPDX-License-Identifier: Apache-2.0
#
# Every way that leads to a file: files.py DIRECTORY, which 80-files.sh has filled.
# A line for each, "KIND NAME opened|refused|ERROR"; what was changed is put back.
import ctypes, errno, mmap, os, struct, subprocess, sys

D = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE, MS_MOVE = 4096, 16384, 1 << 18, 8192
NONE = ctypes.c_char_p(None)


def call(number, *args):
    ret = libc.syscall(number, *args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return ret


def mount(source, target, kind=None, flags=0, data=None):
    args = [ctypes.c_char_p(a.encode() if a else None) for a in (source, target, kind, data)]
    if libc.mount(args[0], args[1], args[2], ctypes.c_ulong(flags), args[3]):
        raise OSError(ctypes.get_errno(), "mount")


def read(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags))


def opens(path, flags=os.O_RDONLY):
    return lambda: read(path, flags)


def wait(pid):
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code if code > 0 else errno.EIO, "")


def child(way):
    pid = os.fork()
    if not pid:
        code = errno.EIO
        try:
            way()
            code = 0
        except OSError as e:
            code = e.errno or errno.EIO
        finally:
            os._exit(code)
    wait(pid)


def apart(way, flags=CLONE_NEWNS):
    """In mount namespaces of one's own."""
    def inside():
        if libc.unshare(flags):
            raise OSError(ctypes.get_errno(), "unshare")
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        way()
    return lambda: child(inside)


def bound(source, path, at="/mnt"):
    def way():
        mount(source, at, None, MS_BIND)
        read(path)
    return apart(way)


def in_pid_namespace():
    if libc.unshare(CLONE_NEWPID):
        raise OSError(ctypes.get_errno(), "unshare")

    def inside():
        mount("proc", "/mnt", "proc")
        read("/mnt/1/environ")
    child(inside)


def new_proc():
    mount("proc", "/mnt", "proc")
    read("/mnt/1/environ")


def chrooted():
    mount("/", "/mnt", None, MS_BIND | MS_REC)
    os.chroot("/mnt" + D)
    read("/secret")


def overlaid(lower, name):
    def way():
        mount("overlay", "/mnt", "overlay", 0, "lowerdir=%s:/run" % lower)
        read("/mnt/" + name)
    return apart(way)


def moved_mount():
    mount(D + "/mounted", "/mnt", None, MS_MOVE)
    read("/mnt/key")


def uncovered():
    if libc.umount2((D + "/over").encode(), 0):
        raise OSError(ctypes.get_errno(), "umount")
    read(D + "/over/key")


def moved_in_host(new_api):
    """The host's own mount, from the host's namespace."""
    def way():
        if new_api:
            call(429, -100, (D + "/mounted").encode(), -100, b"/mnt", 0)
        else:
            mount(D + "/mounted", "/mnt", None, MS_MOVE)
        try:
            read("/mnt/key")
        finally:
            mount("/mnt", D + "/mounted", None, MS_MOVE)
    return way


def detached(of):
    """A lazy umount, and what is left of the mount by a descriptor."""
    def way():
        mount(D + "/mounted", D + "/mounted", None, MS_BIND)
        fd = os.open(D + "/mounted", os.O_PATH)
        if libc.umount2(of.encode(), 2):
            error = ctypes.get_errno()
            raise OSError(error, "umount")
        os.close(os.open("key", os.O_RDONLY, dir_fd=fd))
    return way


def in_container():
    """A root of its own, on an overlay, of which a part is bound elsewhere."""
    mount("overlay", "/mnt", "overlay", 0, "lowerdir=%s/image:%s/empty" % (D, D))
    os.chroot("/mnt")
    os.chdir("/")
    mount("/etc", "/bound", None, MS_BIND)
    read("/bound/shadow")


def relative():
    os.chdir(D + "/tree")
    read("../secret")


def at_directory():
    fd = os.open(D, os.O_PATH)
    os.close(os.open("secret", os.O_RDONLY, dir_fd=fd))


def reopened(through):
    def way():
        fd = os.open(D + "/secret", os.O_PATH)
        read(through % fd)
    return way


def openat2():
    how = struct.pack("QQQ", 0, 0, 0)
    call(437, -100, (D + "/secret").encode(), how, 24)


def by_handle(name):
    def way():
        handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
        number = ctypes.c_int()
        call(303, -100, (D + "/" + name).encode(), handle, ctypes.byref(number), 0)
        os.close(call(304, os.open(D, os.O_RDONLY), handle, os.O_RDONLY))
    return way


def uring():
    """IORING_OP_OPENAT, with IOSQE_ASYNC: by a worker thread."""
    params = ctypes.create_string_buffer(120)
    fd = call(425, 2, params)
    p = struct.unpack("30I", params.raw)
    sq, cq, entries = p[10:20], p[20:30], p[0]
    ring = mmap.mmap(fd, max(sq[6] + entries * 4, cq[5] + p[1] * 16), offset=0)
    sqes = mmap.mmap(fd, entries * 64, offset=0x10000000)
    path = ctypes.create_string_buffer((D + "/secret").encode())
    sqes[0:64] = struct.pack("BBHiQQIIQ", 18, 16, 0, -100, 0, ctypes.addressof(path), 0, 0, 1).ljust(64, b"\0")
    ring[sq[6]:sq[6] + 4] = struct.pack("I", 0)
    ring[sq[1]:sq[1] + 4] = struct.pack("I", 1)
    call(426, fd, 1, 1, 1, None, 0)
    result = struct.unpack("i", ring[cq[5] + 8:cq[5] + 12])[0]
    if result < 0:
        raise OSError(-result, "")


def renamed(old, new, path, flags=0):
    def way():
        call(316, -100, old.encode(), -100, new.encode(), flags)
        try:
            read(path)
        finally:
            call(316, -100, new.encode(), -100, old.encode(), flags)
    return way


def linked(path):
    def way():
        os.link(path, D + "/other-name")
        try:
            read(D + "/other-name")
        finally:
            os.unlink(D + "/other-name")
    return way


def device(major, minor):
    def way():
        os.mknod(D + "/node", 0o20600, os.makedev(major, minor))
        try:
            read(D + "/node")
        finally:
            os.unlink(D + "/node")
    return way


def new(path):
    def way():
        read(path, os.O_CREAT | os.O_WRONLY)
        os.unlink(path)
    return way


def executed():
    subprocess.run([D + "/program"], check=True)


def in_root_of(pid):
    return opens("/proc/%d/root%s/secret" % (pid, D))


RENAME_EXCHANGE = 2
blocked = {
    "read": opens(D + "/secret"),
    "write": opens(D + "/secret", os.O_WRONLY),
    "symlink": opens(D + "/symlink"),
    "dots": opens(D + "/tree/../secret"),
    "relative": relative,
    "dirfd": at_directory,
    "proc-self-root": opens("/proc/self/root" + D + "/secret"),
    "proc-pid-root": in_root_of(os.getppid()),
    "proc-self-cwd": opens("/proc/self/cwd/../../../../.." + D + "/secret"),
    "O_PATH-proc": reopened("/proc/self/fd/%d"),
    "O_PATH-dev-fd": reopened("/dev/fd/%d"),
    "openat2": openat2,
    "handle": by_handle("secret"),
    "handle-tree": by_handle("tree/deep/file"),
    "io_uring": uring,
    "exec": executed,
    "hard-link-before": opens(D + "/hard"),
    "hard-link-into-tree": opens(D + "/hard-tree"),
    "hard-link-made": linked(D + "/secret"),
    "hard-link-of-tree": linked(D + "/tree/deep/file"),
    "hard-link-of-home": linked(D + "/home/.npmrc"),
    "renamed": renamed(D + "/secret", D + "/secret2", D + "/secret2"),
    "renamed-out-of-tree": renamed(D + "/tree/deep", D + "/deep2", D + "/deep2/file"),
    "renamed-parent": renamed(D + "/any", D + "/any2", D + "/any2/one/token"),
    "renamed-star": renamed(D + "/any/one", D + "/one2", D + "/one2/token"),
    "renamed-all": renamed(D, D + "2", D + "2/secret"),
    "exchanged": renamed(D + "/open", D + "/secret", D + "/open", RENAME_EXCHANGE),
    "exchanged-parent": renamed(D + "/empty", D + "/any", D + "/empty/one/token", RENAME_EXCHANGE),
    "renamed-home": renamed(D + "/home", D + "/home2", D + "/home2/.aws/key"),
    "renamed-home-tree": renamed(D + "/home/.aws", D + "/home/aws", D + "/home/aws/key"),
    "renamed-home-part": renamed(D + "/home/.config", D + "/home/config", D + "/home/config/gh/hosts.yml"),
    "bind": bound(D, "/mnt/secret"),
    "bind-file": bound(D + "/secret", D + "/open", D + "/open"),
    "bind-tree": bound(D + "/tree/deep", "/mnt/file"),
    "bind-above": bound(os.path.dirname(D), "/mnt/%s/secret" % os.path.basename(D)),
    "bind-in-host": lambda: in_host(D, "/mnt/secret"),
    "namespace": apart(opens(D + "/secret")),
    "user-namespace": apart(opens(D + "/secret"), CLONE_NEWNS | CLONE_NEWUSER),
    "chroot": apart(chrooted),
    "overlay": overlaid(D, "secret"),
    "overlay-tree": overlaid(D + "/tree", "deep/file"),
    "mounted": opens(D + "/mounted/key"),
    "mounted-elsewhere": bound(D + "/mounted", "/mnt/key"),
    "mounted-moved": apart(moved_mount),
    "mounted-moved-in-host": moved_in_host(False),
    "mounted-moved-by-move_mount": moved_in_host(True),
    "mounted-detached": detached(D + "/mounted"),
    "container-bind": apart(in_container),
    "tree": opens(D + "/tree/deep/file"),
    "tree-itself": opens(D + "/tree"),
    "tree-later": new(D + "/tree/deep/new"),
    "home-file": opens(D + "/home/.npmrc"),
    "home-tree": opens(D + "/home/.aws/key"),
    "home-parts": opens(D + "/home/.config/gh/hosts.yml"),
    "star": opens(D + "/any/one/token"),
    "through-symlink": opens(D + "/real/key"),
    "later": new(D + "/later"),
    "long-name": opens(D + "/" + "n" * 200),
    "environ": opens("/proc/1/environ"),
    "environ-self": opens("/proc/self/environ"),
    "environ-thread": opens("/proc/thread-self/environ"),
    "environ-task": opens("/proc/1/task/1/environ"),
    "environ-bind": bound("/proc/1", "/mnt/environ"),
    "environ-new-proc": apart(new_proc),
    "environ-pid-namespace": apart(in_pid_namespace),
    "maps-self": opens("/proc/self/maps"),
    "maps-other": opens("/proc/1/maps"),
    "kcore": opens("/proc/kcore"),
    "device": opens("/dev/mem"),
    "device-node": device(1, 1),
    "etc": opens("/etc/shadow"),
    "etc-uncovered": apart(lambda: (libc.umount2(b"/etc", 2), read("/etc/shadow"))),
    "etc-bind": bound("/etc", "/mnt/shadow"),
}


def in_host(source, path):
    mount(source, "/mnt", None, MS_BIND)
    try:
        read(path)
    finally:
        libc.umount2(b"/mnt", 0)


def memory():
    fd = os.memfd_create("secret")
    read("/proc/self/fd/%d" % fd, os.O_RDWR)


def deleted():
    fd = os.open(D + "/gone", os.O_CREAT | os.O_RDWR)
    os.unlink(D + "/gone")
    read("/proc/self/fd/%d" % fd)


free = {
    "other": opens(D + "/open"),
    "other-hard-link": opens(D + "/open-hard"),
    "one-above": opens(D + "/any/one"),
    "one-below": opens(D + "/any/one/two/token"),
    "suffix": opens(D + "/secret.txt"),
    "not-home": opens(D + "/home/npmrc"),
    "status": opens("/proc/1/status"),
    "device": opens("/dev/null", os.O_RDWR),
    "memfd": memory,
    "deleted": deleted,
    "rename": renamed(D + "/open", D + "/open2", D + "/open2"),
    "rename-directory": renamed(D + "/empty", D + "/empty2", D + "/empty2"),
    "link": linked(D + "/open"),
    "bind": bound(D + "/any", "/mnt/one"),
    "handle": by_handle("open"),
    "overlay": overlaid(D + "/any", "one"),
    "new": new(D + "/new"),
    "stat": lambda: os.stat(D + "/secret"),
    "passwd": opens("/etc/passwd"),
}

for kind, ways in ("blocked", blocked), ("free", free):
    for name, way in ways.items():
        try:
            way()
            print(kind, name, "opened")
        except OSError as e:
            print(kind, name, "refused" if e.errno == errno.EPERM else e)
