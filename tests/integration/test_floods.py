"""Floods on loopback: clients that were not let in cost those who were next to nothing."""
import os
import pathlib
import resource
import socket
import tempfile
import time
import unittest

from daemon import NINETYD, Daemon, wait_until

TOKEN = "correct-horse-battery-staple"


def resident_kib(daemon):
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def metric(daemon, name):
    text = daemon.call("GET", "/metrics").body.decode()
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")))


class Flood(unittest.TestCase):
    def setUp(self):
        self.sockets = []
        self.addCleanup(lambda: [s.close() for s in self.sockets])

    def connect(self, daemon):
        s = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
        self.sockets.append(s)
        return s

    def daemon(self, *flags, **more):
        daemon = Daemon(*flags, **more)
        self.addCleanup(daemon.close)
        return daemon

    def folder(self):
        temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.addCleanup(temporary.cleanup)
        return pathlib.Path(temporary.name)

    def with_token(self):
        folder = self.folder()
        (folder / "token").write_text(TOKEN)
        (folder / "token").chmod(0o600)
        daemon = self.daemon("--token-file", str(folder / "token"), folder=folder)
        daemon.token = TOKEN
        return daemon

    def test_a2_bodies_without_a_token_cost_no_memory(self):
        daemon = self.with_token()
        daemon.worker(protocol=2)
        before = resident_kib(daemon)
        piece = b"x" * (1 << 20)
        for _ in range(150):
            s = self.connect(daemon)
            s.sendall(b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 16600000\r\n\r\n")
            try:
                for _ in range(4):
                    s.sendall(piece)
            except OSError:
                pass  # it is closed on us
        for s in self.sockets[:20]:
            try:
                self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 401"))
            except ConnectionResetError:
                pass
        self.assertLess(resident_kib(daemon) - before, 20 * 1024)

    def test_a3_idle_strangers_neither_keep_newcomers_out_nor_disturb_who_is_in(self):
        daemon = self.with_token()
        known = daemon.connect()
        self.assertEqual(known.call("GET", "/v1/sweeps").status, 200)
        for _ in range(700):
            self.connect(daemon)
        wait_until(lambda: metric(daemon, "ninety_http_strangers") <= 257, "the oldest to go")
        self.assertGreaterEqual(metric(daemon, "ninety_http_connections_turned_away_total"), 443)
        start = time.monotonic()
        for _ in range(20):  # from the same address
            self.assertEqual(daemon.call("GET", "/v1/sweeps").status, 200)
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(known.call("GET", "/v1/sweeps").status, 200)
        known.close()

    def test_a3_without_tokens_the_whole_number_never_keeps_newcomers_out(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        script = self.folder() / "ninetyd"
        script.write_text(f'#!/bin/sh\nulimit -n 600\nexec "{NINETYD}" "$@"\n')
        script.chmod(0o700)
        daemon = self.daemon(program=script)
        waiting = daemon.connect(timeout=60)
        waiting.send("POST", "/v1/claims", {"worker": daemon.worker(), "wait_s": 40})
        for _ in range(900):
            self.connect(daemon)
        for _ in range(20):
            self.assertEqual(daemon.call("GET", "/v1/sweeps").status, 200)
        daemon.sweep(1)  # the request that waits was left alone
        self.assertEqual(len(waiting.receive().json["claims"]), 1)
        waiting.close()

    def test_a13_guesses_are_counted_and_logged_and_others_at_the_address_let_in(self):
        daemon = self.with_token()
        for i in range(300):
            guess = daemon.connect(token=f"guess-number-{i:08}")
            answer = guess.call("GET", "/v1/sweeps")
            self.assertEqual((answer.status, answer.headers["Connection"]), (401, "close"))
            guess.close()
        self.assertEqual(metric(daemon, "ninety_http_unauthorized_total"), 300)
        said = [line for line in daemon.words().splitlines() if "valid token" in line]
        self.assertEqual(len(said), 1)  # the count follows in a minute
        self.assertIn("127.0.0.1", said[0])

    def read_mutely(self, daemon, n):
        """So many clients that ask for much and take nothing of it."""
        for _ in range(n):
            s = socket.socket()
            self.sockets.append(s)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(20)
            s.connect(("127.0.0.1", daemon.port))
            s.sendall(b"GET /v1/results?format=ndjson HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def test_a14_mute_readers_hold_no_thread_and_others_read_on(self):
        daemon = self.daemon()
        worker = daemon.worker()
        sweep = daemon.sweep(30000)
        wait_until(lambda: daemon.get(f"/v1/trials?sweep={sweep}&after=29999")["trials"],
                   "the last trials")
        self.read_mutely(daemon, 150)
        descriptors = pathlib.Path(f"/proc/{daemon.process.pid}/fd")
        for _ in range(5):
            start = time.monotonic()
            self.assertEqual(len(daemon.post("/v1/claims", {"worker": worker})["claims"]), 1)
            self.assertEqual(daemon.call("GET", f"/v1/summary?sweep={sweep}").status, 200)
            rows = daemon.call("GET", "/v1/results?format=ndjson").body.count(b"\n")
            self.assertEqual(rows, 30000)
            self.assertLess(time.monotonic() - start, 15)
        # Few of the mute ones hold a snapshot, and no descriptor stays behind of the others.
        held = [os.readlink(fd) for fd in descriptors.iterdir() if fd.is_symlink()]
        self.assertLess(sum(name.endswith("ninety.db") for name in held), 40)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
