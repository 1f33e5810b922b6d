#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# sni.py MODE ADDRESS GOOD BAD [PART...]: says hello to a server at ADDRESS, its own, in
# all manners, and prints "0 NAME" for each that went as it should, "1 NAME ..." otherwise.
# GOOD is a server name that is allowed there, BAD one that is not; MODE is "open" where
# nothing is enforced: then everything must arrive.
import ctypes, errno, mmap, os, selectors, socket, struct, sys, threading, time

mode, addr, good, bad = sys.argv[1:5]
family = socket.AF_INET6 if ":" in addr else socket.AF_INET
libc = ctypes.CDLL(None, use_errno=True)

# ---- The server: takes what comes, and says when it has ended ----

class Heard:
    """What a connection brought; its number tells it from others of that port."""
    def __init__(self, number):
        self.number, self.data, self.over = number, bytearray(), False

# The last connection of each port there, how many there were in all, and how many
# before the one that is meant.
heard, count, before, lock = {}, 0, {}, threading.Condition()

def serve(sock):
    global count
    sel = selectors.DefaultSelector()
    sel.register(sock, selectors.EVENT_READ)
    while True:
        for key, _ in sel.select():
            if key.fileobj is sock:
                conn, peer = sock.accept()
                with lock:
                    new = heard[peer[1]] = Heard(count)
                    count += 1
                sel.register(conn, selectors.EVENT_READ, new)
                continue
            try:
                data = key.fileobj.recv(1 << 20)
            except OSError:
                data = b""
            with lock:
                key.data.data += data
                key.data.over = not data
                lock.notify_all()
            if not data:
                sel.unregister(key.fileobj)
                key.fileobj.close()
            elif data.startswith(b"echo"):
                key.fileobj.sendall(data)

def listen(port):
    sock = socket.create_server((addr, port), family=family, backlog=256)
    sock.setsockopt(socket.IPPROTO_TCP, 23, 5)  # TCP_FASTOPEN
    threading.Thread(target=serve, args=(sock,), daemon=True).start()

def arrived(port, want, patience):
    """What came from that port, when it has ended or is all of @want."""
    def there():
        it = heard.get(port)
        return it if it and it.number >= before.get(port, 0) else Heard(0)
    with lock:
        lock.wait_for(lambda: there().over or (want and len(there().data) >= want), patience)
        return bytes(there().data)

def taken(port, patience):
    """All that came from that port, which another connection may have next."""
    got = arrived(port, 0, patience)
    with lock:
        heard.pop(port, None)
    return got

# ---- Hellos (RFC 8446, 4.1.2) ----

def vector(width, data):
    return len(data).to_bytes(width, "big") + data

def extension(kind, data):
    return struct.pack(">H", kind) + vector(2, data)

def hello(name, share=0):
    exts = extension(51, vector(2, bytes(share))) if share else b""
    if name is not None:
        exts += extension(0, vector(2, b"\0" + vector(2, name.encode())))
    body = b"\3\3" + bytes(32) + vector(1, b"") + vector(2, b"\x13\1") + b"\1\0" + vector(2, exts)
    return b"\1" + vector(3, body)

def records(message, *cuts):
    out, at = b"", 0
    for cut in cuts + (len(message),):
        out += b"\x16\3\1" + vector(2, message[at:cut])
        at = cut
    return out

def record(name, share=0):
    message = hello(name, share)
    return records(message, *range(16384, len(message), 16384))

# ---- Ways to send ----

def connect(port=443, setup=None):
    c = socket.socket(family)
    c.settimeout(5)
    if setup:
        setup(c)
    with lock:
        so_far = count
    c.connect((addr, port))
    with lock:
        before[c.getsockname()[1]] = so_far
    return c

def pieces(data, cuts):
    at = 0
    for cut in list(cuts) + [len(data)]:
        if cut > at:
            yield data[at:cut]
            at = cut

def by_send(c, data, cuts=()):
    for piece in pieces(data, cuts):
        c.sendall(piece)

def by_bytes(c, data):
    by_send(c, data, range(1, len(data)))

def by_bytes_nodelay(c, data):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    by_bytes(c, data)

def by_more(c, data):
    c.send(data[:20], socket.MSG_MORE)
    c.sendall(data[20:])

def by_iovec(c, data):
    c.sendmsg([data[i:i + 7] for i in range(0, len(data), 7)])

def memfd(data):
    fd = os.memfd_create("hello")
    os.write(fd, data)
    return fd

def by_sendfile(c, data):
    fd, at = memfd(data), 0
    while at < len(data):
        at += os.sendfile(c.fileno(), fd, at, min(len(data) - at, 50))

def by_splice(c, data):
    r, w = os.pipe()
    os.write(w, data)
    n = 0
    while n < len(data):
        n += os.splice(r, c.fileno(), len(data) - n)

def by_zerocopy(c, data):
    c.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
    page = mmap.mmap(-1, 1 << 16)
    page.write(data)
    c.send(memoryview(page)[:len(data)], 0x4000000)

class Ring:
    """Just enough of io_uring(7)."""
    def __init__(self):
        params = ctypes.create_string_buffer(120)
        self.fd = libc.syscall(425, 4, params)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        sq, cq = struct.unpack("=10I", params.raw[40:80]), struct.unpack("=10I", params.raw[80:120])
        self.sq, self.cq = sq, cq
        self.rings = mmap.mmap(self.fd, max(sq[6] + 16, cq[5] + 4 * 16), offset=0)
        self.sqes = mmap.mmap(self.fd, 4 * 64, offset=0x10000000)

    def send(self, fd, data):
        buf = ctypes.create_string_buffer(data, len(data))
        tail = struct.unpack_from("=I", self.rings, self.sq[1])[0]
        at = tail & 3
        struct.pack_into("=BBHiQQII", self.sqes, at * 64, 26, 0, 0, fd, 0, ctypes.addressof(buf),
                         len(data), 0)
        struct.pack_into("=I", self.rings, self.sq[6] + 4 * at, at)
        struct.pack_into("=I", self.rings, self.sq[1], tail + 1)
        if libc.syscall(426, self.fd, 1, 1, 1, None, 0) < 0:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        head = struct.unpack_from("=I", self.rings, self.cq[0])[0]
        res = struct.unpack_from("=i", self.rings, self.cq[5] + 16 * (head & 7) + 8)[0]
        struct.pack_into("=I", self.rings, self.cq[0], head + 1)
        if res < 0:
            raise OSError(-res, "io_uring send")
        return res

def by_uring(c, data):
    ring = Ring()
    for piece in pieces(data, [30]):
        if ring.send(c.fileno(), piece) != len(piece):
            raise OSError(errno.EIO, "short")
    os.close(ring.fd)

# ---- Cases ----

def told(ok, name, *why):
    print(0 if ok else 1, name, "" if ok else " ".join(str(w) for w in why), flush=True)

def attempt(data, send, port=443, setup=None, patience=3):
    """Sends and closes; what arrived, and the error if there was one."""
    error = None
    try:
        c = connect(port, setup)
    except OSError as e:
        return b"", e.errno
    local = c.getsockname()[1]
    try:
        send(c, data)
    except OSError as e:
        error = e.errno or errno.ETIMEDOUT
    if error is None:
        arrived(local, len(data), patience)
    c.close()
    return taken(local, patience), error

def passes(name, data, send=by_send, **more):
    got, error = attempt(data, send, **more)
    told(got == data and not error, name, "got", len(got), "of", len(data), "error", error)

def stays(name, data, send=by_send, prompt=True, may=b"", **more):
    """Nothing of it arrives (but @may), and the sender is told at once."""
    got, error = attempt(data, send, **more)
    if mode == "open":
        told(got == data and not error, name + ": arrives without kntrl", "got", len(got), "error", error)
    else:
        # 6.1's sendfile and splice name the bytes that were held, not the error (tcp_bpf_sendpage).
        told(got == may and (error or not prompt), name, "got", got[:100], "error", error)

def many(name, cases):
    """Cases (data, send, whether it may) that count as one; sockets are many at a time."""
    wrong = []
    for i, (data, send, may) in enumerate(cases):
        got, error = attempt(data, send)
        allowed = may or mode == "open"
        if got != (data if allowed else b"") or (error is None) != allowed:
            wrong.append((i, len(got), error))
    told(not wrong, name, len(wrong), "of", len(cases), wrong[:5])

WAYS = {"send": by_send, "one byte per send": by_bytes, "one byte per segment": by_bytes_nodelay,
        "MSG_MORE": by_more, "many vectors": by_iovec, "sendfile": by_sendfile, "splice": by_splice,
        "MSG_ZEROCOPY": by_zerocopy, "io_uring": by_uring}

def cut_at(cut):
    return lambda c, data: by_send(c, data, [cut])

def hellos():
    g, b, none = record(good), record(bad), record(None)
    for way, send in WAYS.items():
        passes("an allowed name by " + way, g, send)
        stays("a forbidden name by " + way, b, send)
    stays("no name", none)
    many("an allowed name split at every byte", [(g, cut_at(i), True) for i in range(1, len(g))])
    many("a forbidden name split at every byte", [(b, cut_at(i), False) for i in range(1, len(b))])
    many("two records", [(records(hello(n), i), by_send, n == good)
                         for n in (good, bad) for i in range(1, len(hello(good)) - 20, 5)])
    for size in (1200, 4096, 15000):
        passes(f"an allowed name behind {size} bytes of key shares", record(good, size))
        stays(f"a forbidden name behind {size} bytes of key shares", record(bad, size))
    passes("4 KB of key shares, 100 bytes per send", record(good, 4096),
           lambda c, d: by_send(c, d, range(100, len(d), 100)))
    stays("4 KB of key shares and a forbidden name, 100 bytes per send", record(bad, 4096),
          lambda c, d: by_send(c, d, range(100, len(d), 100)))
    stays("a hello larger than 16 KB", record(good, 20000))
    stays("a leading alert", b"\x15\3\1\0\2\1\0" + g)
    stays("a leading change_cipher_spec", b"\x14\3\1\0\1\1" + g)
    stays("leading application data", b"\x17\3\3\0\1x" + g)
    stays("a name behind a NUL", record(good + "\0." + bad))
    stays("a name with an empty label", record("." + good))
    stays("a second name", record(bad) + g)
    passes("capitals", record(good.upper()))
    passes("a dot at its end", record(good + "."))

# ---- Ways round ----

def in_syn_sent(data):
    """A send(2) that begins before the connection is there: to a server whose queue is full."""
    full = socket.create_server((addr, 444), family=family, backlog=0)
    fill = [socket.socket(family) for _ in range(3)]
    for c in fill:
        c.setblocking(False)
        c.connect_ex((addr, 444))
    c = socket.socket(family)
    c.setblocking(False)
    c.connect_ex((addr, 444))
    c.settimeout(None)
    sender = threading.Thread(target=lambda: send_quietly(c, data), daemon=True)
    sender.start()
    time.sleep(0.2)
    state = c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0]
    got, port = b"", c.getsockname()[1]
    full.settimeout(5)
    while True:
        conn, peer = full.accept()
        if peer[1] == port:
            break
    conn.settimeout(0.7)
    try:
        got = conn.recv(65536)
    except OSError:
        pass
    for s in fill + [c, conn, full]:
        s.close()
    return state, got

def send_quietly(c, data):
    try:
        c.send(data)
    except OSError:
        pass

def oob(c, data):
    c.sendall(data[:-20])
    c.send(data[-20:], socket.MSG_OOB)

def again(c, data):
    try:
        c.sendall(record(bad))
    except OSError:
        pass
    c.sendall(data)

def disconnect(c):
    if libc.connect(c.fileno(), bytes(16), 16):
        raise OSError(ctypes.get_errno(), "disconnect")


def options(c):
    if family == socket.AF_INET:
        c.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1\1\1\0")
    else:
        c.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, b"\0\0\1\4\0\0\0\0")
        c.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, b"\0\0\1\4\0\0\0\0")

def ulp_first(c, data):
    try:
        c.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
    except OSError:
        pass
    c.sendall(data)

def fast_open(data):
    c = socket.socket(family)
    c.setsockopt(socket.IPPROTO_TCP, 34, 1)     # TCP_FASTOPEN_NO_COOKIE
    try:
        c.sendto(data, 0x20000000, (addr, 443))
        error = None
    except OSError as e:
        error = e.errno
    port = c.getsockname()[1]
    c.close()
    return taken(port, 0.5), error

def fast_open_connect(c):
    c.setsockopt(socket.IPPROTO_TCP, 30, 1)     # TCP_FASTOPEN_CONNECT
    c.setsockopt(socket.IPPROTO_TCP, 34, 1)


def changed_page(after):
    """A page that is sent without a copy, and says something else before it is read."""
    before, fd = record(good), os.memfd_create("hello")
    os.ftruncate(fd, 4096)
    page = mmap.mmap(fd, 4096)
    page[:len(before)] = before
    server = socket.create_server((addr, 445), family=family)
    c = socket.create_connection((addr, 445))
    os.sendfile(c.fileno(), fd, 0, len(before))
    page[:len(after)] = after
    conn, _ = server.accept()
    got = conn.recv(65536)
    for s in c, conn, server:
        s.close()
    return got

def waits():
    b = record(bad)
    state, got = in_syn_sent(b)
    told(state == 2 and got == (b if mode == "open" else b""), "a send that waits for the connection",
         "state", state, "got", len(got))

def early():
    b = record(bad)
    got, error = fast_open(b)
    told(got == b if mode == "open" else not got and error == errno.EOPNOTSUPP, "MSG_FASTOPEN",
         "got", len(got), "error", error)
    got, error = attempt(b, by_send, setup=fast_open_connect)
    told(got == b if mode == "open" else not got and error == errno.EOPNOTSUPP, "TCP_FASTOPEN_CONNECT",
         "got", len(got), "error", error)
    c = socket.socket(family, socket.SOCK_STREAM, 262)  # MPTCP
    error = c.connect_ex((addr, 443))
    told(error == (0 if mode == "open" else errno.EPERM), "MPTCP", "error", error)
    c.close()

def odd():
    b = record(bad)
    got = changed_page(b)
    told(got == (b if mode == "open" else record(good)), "a page that changes on its way", got)
    if mode != "open":
        stays("urgent data within an allowed hello", record(good), oob, prompt=False, patience=0.5)
        stays("an allowed hello behind a forbidden one", record(good), again)
    stays("IP options", b, setup=options)
    passes("IP options and an allowed name", record(good), setup=options)
    stays("TCP_ULP", b, ulp_first)

def reconnection():
    c = connect()
    c.sendall(record(good))
    port = c.getsockname()[1]
    disconnect(c)
    taken(port, 3)
    c.connect((addr, 443))
    port = c.getsockname()[1]
    send_quietly(c, record(bad))
    c.close()
    got = taken(port, 3)
    told(got == (record(bad) if mode == "open" else b""), "the next connection of a socket", "got", len(got))

# ---- HTTP and others ----

def request(host, line="GET / HTTP/1.1", more="", body=""):
    return f"{line}\r\nHost: {host}\r\n{more}\r\n{body}".encode()

def http():
    g, b = request(good), request(bad)
    passes("HTTP: an allowed host", g, port=80)
    passes("HTTP: with its port, by bytes", request(good + ":80"), by_bytes, port=80)
    passes("HTTP: two requests at once", g + g, port=80)
    body = "x" * 300000
    big = request(good, "POST / HTTP/1.1", f"Content-Length: {len(body)}\r\n", body)
    passes("HTTP: a body, and another request", big + g, port=80)
    passes("HTTP: a body by small sends", big + g,
           lambda c, d: by_send(c, d, range(1000, len(d), 1000)), port=80)
    chunks = request(good, "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n",
                     "5\r\nabcde\r\n10000\r\n" + "y" * 65536 + "\r\n0\r\n\r\n")
    passes("HTTP: chunks, and another request", chunks + g, port=80)
    stays("HTTP: a forbidden host", b, port=80)
    stays("HTTP: a forbidden host by bytes", b, by_bytes, port=80)
    stays("HTTP: a forbidden host in the target", request(good, f"GET http://{bad}/ HTTP/1.1"), port=80)
    stays("HTTP: CONNECT to a forbidden host", request(good, f"CONNECT {bad}:443 HTTP/1.1"), port=80)
    stays("HTTP: two hosts", request(good, more=f"Host: {bad}\r\n"), port=80)
    stays("HTTP: a forbidden host behind an allowed one", g + b, port=80, may=g)
    stays("HTTP: a forbidden host behind a body", big + b, port=80, may=big)
    stays("HTTP: a forbidden host behind chunks", chunks + b, port=80, may=chunks)
    stays("HTTP: no host", b"GET / HTTP/1.0\r\n\r\n", port=80)
    passes("neither TLS nor HTTP", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" + bytes(5000), port=22)

# ---- As the kernel takes it: across pages, and no more than it has room for ----

def across_pages(left, work):
    """In a thread of its own the kernel fills fresh 32 KB; @left bytes of them are left to @work."""
    def fill():
        with socket.create_connection(("127.0.0.1", sink.getsockname()[1])) as c:
            c.sendall(bytes(32768 - left))
            work()
    sink = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=sink_serve, args=(sink,), daemon=True).start()
    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
    sink.close()

def sink_serve(sock):
    with sock.accept()[0] as conn:
        while conn.recv(1 << 20):
            pass

def little_room(c, data):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    c.setblocking(False)
    while data:
        try:
            data = data[c.send(data):]
        except BlockingIOError:
            time.sleep(0.001)

def pages():
    g, two = record(good), request(good) * 2
    chunks = request(good, "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n"
                     "9000\r\n" + "y" * 0x9000 + "\r\n0\r\n\r\n") + request(good)
    wrong = []
    def one(data, port, send=by_send):
        got, error = attempt(data, send, port)
        if got != data or error:
            wrong.append((left, len(got), len(data), error))
    for left in (32, 37, 38, 39, 73, 75):
        across_pages(left, lambda: one(two, 80))
        across_pages(left, lambda: one(chunks, 80))
        across_pages(left, lambda: one(g, 443))
        across_pages(left, lambda: one(g, 443, by_more))
    told(not wrong, "across pages", wrong)
    big = request(good, "POST / HTTP/1.1", "Content-Length: 200000\r\n", "x" * 200000)
    passes("HTTP: with room for little", big + request(good), little_room, port=80)
    passes("HTTP: chunks with room for little", chunks * 3, little_room, port=80)
    passes("a hello with room for little", record(good, 1200), little_room)
    stays("a forbidden hello with room for little", record(bad, 1200), little_room)

# ---- What was judged is not sent, and something else is in its place ----

def optmem(n=None):
    with open("/proc/sys/net/core/optmem_max", "r+") as f:
        was = f.read()
        if n is not None:
            f.seek(0)
            f.write(str(n))
    return was

def after_refusal(first):
    """The kernel takes nothing of @first, for a reason of its own: no memory to tell of its end."""
    def send(c, data):
        c.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
        was = optmem(1)
        try:
            c.send(first, 0x4000000)
            raise OSError(errno.EPROTO, "not refused")
        except OSError as e:
            if e.errno != errno.ENOBUFS and not (mode != "open" and e.errno == errno.EACCES):
                raise
        finally:
            optmem(was)
        c.sendall(data)
    return send

def half_first(c, data):
    """It takes the beginning of an allowed one, which is as long."""
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    c.setblocking(False)
    n = c.send(data.replace(bad.encode(), good.encode()))
    little_room(c, data[n:])

def swapped():
    g, b = record(good), record(bad)
    stays("a forbidden name in place of one that was judged", b, after_refusal(g), prompt=False)
    stays("a forbidden host in place of one", request(bad), after_refusal(request(good)), port=80, prompt=False)
    stays("a hello in place of what is none", b, after_refusal(b"SSH-2.0-x\r\n"), prompt=False)
    stays("a hello in place of a byte", b, after_refusal(b"\0"), prompt=False)
    if mode != "open":
        stays("a forbidden end of a hello", record(bad, 15000), half_first, prompt=False)

# ---- A stream that was let go ----

def let_go():
    c = connect()
    c.sendall(record(good))
    local = c.getsockname()[1]
    arrived(local, len(record(good)), 3)
    time.sleep(0.1)
    c.setblocking(True)
    return c, local

def after():
    total = 32 << 20
    c, local = let_go()
    start = len(record(good))
    fd = os.memfd_create("big")
    os.ftruncate(fd, 4 << 20)
    sent = 0
    while sent < total:
        sent += os.sendfile(c.fileno(), fd, sent % (4 << 20), (4 << 20) - sent % (4 << 20))
    got = arrived(local, start + sent, 30)
    told(len(got) == start + sent, "many MB by sendfile", len(got), start + sent)
    for way in ("splice", "MSG_ZEROCOPY", "io_uring", "send"):
        WAYS[way](c, b"z" * 3000)
        start += 3000
        got = arrived(local, start + sent, 5)
        told(len(got) == start + sent, "then " + way, len(got))
    c.shutdown(socket.SHUT_WR)
    got = arrived(local, 0, 5)
    told(heard[local].over, "then half-close")
    c.close()
    c, local = let_go()
    info = struct.pack("<HH8s16s4s8s", 0x303, 51, bytes(8), bytes(16), bytes(4), bytes(8))
    try:
        c.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
        c.setsockopt(282, 1, info)
        c.sendall(b"secret")
        error = None
    except OSError as e:
        error = e
    got = arrived(local, len(record(good)) + 6 + 29, 3)
    told(not error and len(got) == len(record(good)) + 6 + 29, "kTLS", error, len(got))
    c.close()

listen(443)
listen(80)
listen(22)
for part in (hellos, waits, early, odd, reconnection, http, pages, swapped, after):
    if len(sys.argv) < 6 or part.__name__ in sys.argv[5:]:
        part()
