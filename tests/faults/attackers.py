"""Hostile clients, each a process of its own: attackers.py NAME JSON. It attacks until its time is
over and prints what it made, and what it found that should not be, as one line of JSON.

The floods go as fast as they can. Whoever holds connections makes a new one for each that is taken
from it."""
import collections
import json
import os
import random
import resource
import select
import selectors
import signal
import socket
import struct
import sys
import time

BODY = 15.9 * 2**20   # just under what the daemon takes
POOL = 12 * 1024      # of a connection: libmicrohttpd's memory for a head
FILL_S = 15           # at most, until all silent connections are there
RESULTS = "/v1/results?format=ndjson"


class Attack:
    def __init__(self, port, token, seconds, seed, **more):
        self.port, self.token, self.more = port, token, more
        self.random = random.Random(seed)
        self.until = time.monotonic() + seconds
        self.made = 0
        self.findings = collections.Counter()

    def over(self):
        return time.monotonic() >= self.until

    def connect(self, address="127.0.0.1", blocking=True, receive_bytes=None, timeout=5):
        """A socket; `made` counts it. None where there is none to be had."""
        sock = socket.socket()
        try:
            if receive_bytes:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            if address != "127.0.0.1":
                sock.bind((address, 0))
            sock.settimeout(timeout)
            sock.connect(("127.0.0.1", self.port))
            sock.setblocking(blocking)
        except OSError:
            sock.close()
            return None
        self.made += 1
        return sock

    def head(self, method, path, *fields, token=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *fields]
        token = token or self.token
        if token:
            lines.append(f"Authorization: Bearer {token}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def pause(self, seconds):
        time.sleep(max(0, min(seconds, self.until - time.monotonic())))


def reset(sock):
    """Closes with RST: it leaves no port behind that waits."""
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        sock.close()


class Held:
    """`n` connections, held. `greet(attack)` gives the bytes to begin with; `feed(sock, state)` is
    called when one can take more and returns False when it has no more to give."""

    def __init__(self, attack, n, greet, feed=None, addresses=("127.0.0.1",), receive_bytes=None):
        self.attack, self.n, self.greet, self.feed = attack, n, greet, feed
        self.addresses, self.receive_bytes = addresses, receive_bytes
        self.selector = selectors.EpollSelector()
        self.open = 0

    def add(self):
        sock = self.attack.connect(self.attack.random.choice(self.addresses), timeout=0.5,
                                   blocking=False, receive_bytes=self.receive_bytes)
        if sock is None:
            return False
        try:
            sock.send(self.greet(self.attack))
        except OSError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.feed else 0)
        self.selector.register(sock, events, {})
        self.open += 1
        return True

    def lose(self, sock):
        self.selector.unregister(sock)
        reset(sock)
        self.open -= 1

    def turn(self, patience_s=0.02, read=True):
        """Fills up, feeds, and drops those that the daemon closed."""
        for _ in range(200):
            if self.open >= self.n or self.attack.over() or not self.add():
                break
        for key, events in self.selector.select(patience_s):
            sock = key.fileobj
            try:
                if events & selectors.EVENT_WRITE and not self.feed(sock, key.data):
                    self.selector.modify(sock, selectors.EVENT_READ, key.data)
                if events & selectors.EVENT_READ and (not read or not sock.recv(65536)):
                    self.lose(sock)
            except BlockingIOError:
                pass
            except OSError:
                self.lose(sock)

    def run(self, patience_s=0.02):
        while not self.attack.over():
            self.turn(patience_s)


def addresses(n):
    """Of which the first is that of the bystanders."""
    return [f"127.0.0.{i + 1}" for i in range(n)]


# ---- one request that stops the daemon ----

def too_long_for_the_pool(attack):
    """A1, and its kin: whatever of a request has to fit into the connection's pool, and does not."""
    size = attack.random.choice([POOL - 200, POOL, 12400, 13000, 3 * POOL, 8 * POOL])
    long = b"a" * size
    fields = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
    token = attack.random.choice([None, "wrong"]) if attack.token else None
    head = attack.head("POST", attack.random.choice(["/v1/departures", "/v1/claims", "/"]), *fields,
                       token=token)
    return attack.random.choice([
        head + b"1;" + long,                             # a chunk's extension
        head + b"1;" + long,
        head + b"2\r\n{}\r\n1;" + long,                  # of a later chunk
        head + b"2\r\n{}\r\n0\r\nA: " + long,            # a trailer
        head + b"0" * size,                              # a chunk's size
        head[:-2] + b"A: " + long,                       # a field of the head
        b"POST /" + long,                                # the target
    ])


def extension(attack):
    """One at a time; each is held for a while, and every other one left behind closed."""
    while not attack.over():
        sock = attack.connect()
        if sock is not None:
            try:
                sock.sendall(too_long_for_the_pool(attack))
            except OSError:
                pass
            attack.pause(attack.random.choice([0, 0.2]))
            attack.random.choice([reset, socket.socket.close])(sock)
        attack.pause(0.05)


def extensions(attack):
    Held(attack, 64, too_long_for_the_pool).run()


# ---- memory ----

def endless(sock, state, piece=bytes(64 * 1024).replace(b"\0", b" ")):
    """Sends a body as fast as it is taken."""
    left = state.setdefault("left", int(BODY))
    if left <= 0:
        return False
    state["left"] = left - sock.send(piece[:left])
    return True


def big_body(attack, token=None):
    path = attack.random.choice(["/v1/sweeps", "/v1/reports", "/v1/claims", "/v1/none"])
    return attack.head("POST", path, "Content-Type: application/json",
                       f"Content-Length: {int(BODY) + 2}", token=token) + b"{"


def bodies(attack):
    """A2: big bodies by the hundred, without the token."""
    Held(attack, 150, lambda a: big_body(a, token="wrong" if a.token else None), endless).run()


def bodies_let_in(attack):
    """The same by those who have the token: the announced and the chunked."""
    def greet(attack):
        if attack.random.random() < 0.5:
            return big_body(attack)
        return attack.head("POST", "/v1/sweeps", "Content-Type: application/json",
                           "Transfer-Encoding: chunked") + b"f80000\r\n{"
    Held(attack, 150, greet, endless).run()


# ---- connections ----

def silent(attack, sources):
    """As many as there may be descriptors; they are kept up for the attack's whole time."""
    n = min(attack.more["silent"], resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64)
    held = Held(attack, n, lambda a: b"", addresses=sources)
    seconds = attack.until - time.monotonic()
    attack.until += FILL_S
    while attack.made < n and not attack.over():
        held.turn(0.001)
    attack.until = time.monotonic() + seconds
    held.run(0.001)


def idle(attack):
    """A3: silent connections of one address."""
    silent(attack, addresses(1))


def idle_many(attack):
    """A3: silent connections of 64 addresses."""
    silent(attack, addresses(64))


def connections(attack):
    """Connects and goes, as fast as possible; some leave half a request behind."""
    half = attack.head("POST", "/v1/claims")[:60]
    while not attack.over():
        sock = attack.connect(attack.random.choice(addresses(8)), timeout=1)
        if sock is not None:
            if attack.made % 4 == 0:
                try:
                    sock.send(half)
                except OSError:
                    pass
            reset(sock)


# ---- slow ----

def slow(attack, greet, text):
    """A thousand connections, a byte of `text` each every tenth of a second."""
    def feed(sock, state):
        at = state["at"] = state.get("at", -1) + 1
        sock.send(text[at % len(text):at % len(text) + 1])
        return True
    held = Held(attack, 1000, greet, feed)
    while not attack.over():
        held.turn()
        attack.pause(0.1)


def slow_heads(attack):
    """Slow-loris: heads byte by byte."""
    slow(attack, lambda a: b"POST /v1/claims HTTP/1.1\r\n", b"A: aaaaaaaa\r\n")


def slow_bodies(attack):
    """Bodies byte by byte, with the token."""
    fields = "Content-Type: application/json", "Content-Length: 60000"
    slow(attack, lambda a: a.head("POST", "/v1/reports", *fields) + b"{", b" ")


# ---- mute ----

def mute(attack, n, path):
    """Asks, and takes nothing of the answer. Who is refused or cut off comes again."""
    epoll, held = select.epoll(), {}
    while not attack.over():
        for _ in range(100):
            if len(held) >= n or attack.over():
                break
            sock = attack.connect(blocking=False, receive_bytes=2048)
            if sock is None:
                break
            try:
                sock.send(attack.head("GET", path))
            except OSError:
                pass
            held[sock.fileno()] = sock
            epoll.register(sock, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
        attack.pause(0.05)
        for number, events in epoll.poll(0):
            try:
                refused = held[number].recv(64, socket.MSG_PEEK)[:12] != b"HTTP/1.1 200"
            except OSError:
                refused = True
            if refused or events & (select.EPOLLRDHUP | select.EPOLLHUP):
                reset(held.pop(number))


def mute_readers(attack):
    """A14: a thousand who ask for all results and take nothing."""
    mute(attack, 1000, RESULTS)


def mute_listeners(attack):
    """Eleven hundred who follow the events and take nothing."""
    mute(attack, 1100, "/v1/events?after=0")


# ---- floods of requests ----

def flood(attack, make):
    """Requests, a few at a time over one connection, for as long as the daemon keeps it."""
    sock = None
    while not attack.over():
        if sock is None:
            sock = attack.connect(attack.random.choice(addresses(8)), timeout=1)
            if sock is None:
                continue
        try:
            sock.sendall(b"".join(make() for _ in range(16)))
            answers = sock.recv(1 << 18)
            attack.made += answers.count(b"HTTP/1.1 ")
        except OSError:
            answers = b""
        if not answers:
            reset(sock)
            sock = None
    reset(sock)


def guesses(attack):
    """A13: tokens guessed, as fast as possible."""
    body = b'{"worker": 1, "max": 1}'
    def make():
        guess = f"{attack.random.getrandbits(256):064x}"
        return attack.head("POST", "/v1/claims", "Content-Type: application/json",
                           f"Content-Length: {len(body)}", token=guess) + body
    flood(attack, make)


def garbage(attack):
    """One malformed request; half of them carry the token."""
    r = attack.random
    token = None if r.random() < 0.5 else "wrong" if attack.token else None
    post = lambda body, *fields: attack.head(
        "POST", r.choice(["/v1/reports", "/v1/claims", "/v1/sweeps", "/v1/workers"]),
        "Content-Type: application/json", f"Content-Length: {len(body)}", *fields,
        token=token) + body
    return r.choice([
        lambda: r.randbytes(r.randrange(1, 2000)),
        lambda: b"GET / HTTP/9.9\r\n\r\n",
        lambda: b"\r\n\r\n\r\n" * 50,
        lambda: attack.head("GET", "/%00" + "%ff" * 50, token=token),
        lambda: attack.head("GET", "/v1/results?sweep=" + "9" * 400, token=token),
        lambda: attack.head("BREW", "/v1/claims", token=token),
        lambda: attack.head("GET", "/v1/workers", "Host: y", token=token),
        lambda: attack.head("POST", "/v1/claims", "Content-Length: 2", "Content-Length: 3") + b"{}",
        lambda: attack.head("POST", "/v1/claims", "Content-Length: -1", token=token),
        lambda: attack.head("POST", "/v1/claims", "Transfer-Encoding: chunked", token=token)
        + r.choice([b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"2\r\n{}xx"]),
        lambda: attack.head("POST", "/v1/claims", "Transfer-Encoding: rot13", token=token),
        lambda: post(b"[" * r.choice([40, 5000])),
        lambda: post(r.randbytes(r.randrange(1, 300))),
        lambda: post(b'{"worker": 1e999, "reports": [{"trial": -1}]}'),
        lambda: post(b'{"worker": 9223372036854775807, "reports": []}'),
        lambda: post(b"{}", "X: " + "b" * r.choice([100, 9000])),
    ])()


def malformed(attack):
    """Requests that are none, as fast as possible; none may be the daemon's fault (500)."""
    while not attack.over():
        batch = [attack.connect(attack.random.choice(addresses(8)), timeout=1) for _ in range(32)]
        batch = [sock for sock in batch if sock is not None]
        for sock in batch:
            try:
                sock.sendall(garbage(attack))
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        for sock in batch:
            try:
                sock.settimeout(0.01)
                if b"HTTP/1.1 500" in sock.recv(4096):
                    attack.findings["a malformed request was answered 500"] += 1
            except OSError:
                pass
            reset(sock)


# ---- harmless ----

def burn(attack):
    """The control: as much CPU, and no request."""
    share, number = attack.more["share"], 0
    while not attack.over():
        began = time.process_time()
        while time.process_time() - began < 0.01 * share:
            number += 1
        attack.pause(0.01 * (1 - share))


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this ends it
    attack = Attack(**json.loads(sys.argv[2]))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    if sys.argv[1] in globals():
        globals()[sys.argv[1]](attack)
    else:
        import insiders  # they speak the workers' protocol
        getattr(insiders, sys.argv[1])(attack)
    print(json.dumps({"made": attack.made, "findings": attack.findings}), flush=True)
    os._exit(0)  # thousands of sockets need no ceremony


if __name__ == "__main__":
    main()
