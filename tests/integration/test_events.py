"""/v1/events of a real ninetyd: told after the commit, resumed by id, bounded, ended at once."""
import json
import pathlib
import socket
import sqlite3
import time
import unittest

from daemon import NINETYD, PATIENCE_S, Daemon, done, wait_until


class Listener:
    """Follows the events on a socket of its own; reads exactly what the server sends."""

    def __init__(self, daemon, query="", last_id=None, expect=200, buffer=None):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", daemon.port))
        header = "" if last_id is None else f"Last-Event-ID: {last_id}\r\n"
        self.socket.sendall(f"GET /v1/events{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            f"{header}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        assert self.status == expect, self.status
        self.text = b""
        self.deadline = time.monotonic() + PATIENCE_S  # comments keep the socket from timing out
        if expect != 200:
            self.error = json.loads(self.file.read(int(self.headers["content-length"])))["error"]
        else:
            assert self.headers["content-type"] == "text/event-stream"
            self.await_text(b"retry: 2000\n\n")

    def read(self):
        """One chunk; False at the stream's proper end."""
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        assert len(data) == size
        self.file.readline()
        self.text += data
        return size > 0

    def await_text(self, text):
        while text not in self.text:
            assert self.read(), "the stream has ended"
        self.text = self.text.split(text, 1)[1]

    def event(self):
        while b"\n\n" not in self.text:
            assert self.read(), "the stream has ended"
        block, _, self.text = self.text.partition(b"\n\n")
        lines = block.decode().split("\n")
        if lines[0].startswith(":"):
            assert time.monotonic() < self.deadline, "no event comes"
            return self.event()
        self.deadline = time.monotonic() + PATIENCE_S
        assert len(lines) == 2, lines
        assert lines[0].startswith("id: ") and lines[1].startswith("data: "), lines
        event = json.loads(lines[1].removeprefix("data: "))
        assert event["id"] == int(lines[0].removeprefix("id: "))
        return event

    def close(self):
        self.file.close()
        self.socket.close()


def metric(daemon, name):
    for line in daemon.call("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(name)


def fill(daemon, n):
    """n events that happened before this daemon was started."""
    daemon.stop()
    with sqlite3.connect(daemon.folder / "ninety.db") as db:
        db.executemany("INSERT INTO events (at, kind, sweep, message) VALUES (?, 'filled', 77, ?)",
                       [("2026-01-31T12:00:00.000Z", f"line 1\nline 2 of {i} " + "x" * 400)
                        for i in range(n)])
    db.close()
    daemon.restart()


class Events(unittest.TestCase):
    def test_what_happens_is_told_once_it_is_committed(self):
        with Daemon() as daemon:
            listener = Listener(daemon)
            sweep = daemon.sweep(1, name="told")
            event = listener.event()
            self.assertEqual((event["kind"], event["sweep"], event["message"]),
                             ("sweep_submitted", sweep, "told"))
            rows = sqlite3.connect(f"file:{daemon.folder}/ninety.db?mode=ro", uri=True).execute(
                "SELECT kind FROM events WHERE id = ?", (event["id"],)).fetchall()
            self.assertEqual(rows, [("sweep_submitted",)])
            worker = daemon.worker()
            claim = daemon.post("/v1/claims", {"worker": worker})["claims"][0]
            daemon.post("/v1/reports", {"worker": worker, "reports": [done(claim["trial"], 1)]})
            self.assertEqual([listener.event()["kind"] for _ in range(2)],
                             ["worker_registered", "sweep_finished"])
            listener.close()
            wait_until(lambda: metric(daemon, "ninety_event_listeners") == 0, "it to be forgotten")

    def test_who_comes_back_misses_nothing_also_after_a_restart(self):
        with Daemon() as daemon:
            ids = []
            listener = Listener(daemon, "?after=0")
            for i in range(3):
                daemon.sweep(1)
                ids.append(listener.event()["id"])
            listener.close()
            daemon.sweep(1)
            daemon.kill()
            daemon.restart()
            daemon.sweep(1)
            # The header is what a browser adds to the same address when it comes back.
            listener = Listener(daemon, "?after=0", last_id=ids[1])
            seen = [listener.event()["id"] for _ in range(3)]
            self.assertEqual(seen, [ids[2], ids[2] + 1, ids[2] + 2])
            listener.close()

    def test_one_sweep_is_followed_without_the_others(self):
        with Daemon() as daemon:
            first, second = daemon.sweep(1), daemon.sweep(1)
            listener = Listener(daemon, f"?sweep={second}&after=0")
            daemon.post(f"/v1/sweeps/{first}/pause", None)
            daemon.post(f"/v1/sweeps/{second}/cancel", None)
            daemon.post(f"/v1/sweeps/{second}/delete", None)
            self.assertEqual([listener.event()["kind"] for _ in range(4)],
                             ["sweep_submitted", "sweep_cancelled", "sweep_finished",
                              "sweep_deleted"])
            listener.close()

    def test_a_long_past_comes_whole_and_in_order(self):
        with Daemon() as daemon:
            fill(daemon, 2000)
            listener = Listener(daemon, "?after=0")
            self.assertEqual([listener.event()["id"] for _ in range(2000)],
                             list(range(1, 2001)))
            listener.close()

    def test_bad_requests_are_told_why(self):
        with Daemon() as daemon:
            for query, last_id, status, code, field in [
                    ("?after=x", None, 400, "invalid_field", "after"),
                    ("?after=-1", None, 400, "invalid_field", "after"),
                    ("?sweep=0", None, 400, "invalid_field", "sweep"),
                    ("?kind=x", None, 400, "invalid_field", "kind"),
                    ("", "abc", 400, "invalid_field", "Last-Event-ID"),
                    ("", "99999999999999999999", 400, "invalid_field", "Last-Event-ID"),
                    ("?sweep=5", None, 404, "unknown_sweep", None)]:
                listener = Listener(daemon, query, last_id, expect=status)
                self.assertEqual((listener.error["code"], listener.error.get("field")),
                                 (code, field))
                listener.close()
            self.assertEqual(daemon.call("POST", "/v1/events", {}).status, 405)
            self.assertEqual(daemon.call("HEAD", "/v1/events").status, 200)

    def test_an_id_of_the_future_counts_as_now(self):
        with Daemon() as daemon:
            listener = Listener(daemon, last_id=1000)
            daemon.sweep(1)
            self.assertEqual(listener.event()["id"], 1)
            listener.close()

    def test_a_stop_ends_the_streams_at_once_and_properly(self):
        with Daemon() as daemon:
            listeners = [Listener(daemon) for _ in range(20)]
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 3)
            for listener in listeners:
                self.assertFalse(listener.read())
                listener.close()

    def test_hundreds_listen_and_one_who_takes_nothing_costs_little(self):
        with Daemon() as daemon:
            fill(daemon, 9000)
            before = metric(daemon, "process_resident_memory_bytes")
            stuck = [Listener(daemon, "?after=0", buffer=4096) for _ in range(20)]
            listeners = [Listener(daemon) for _ in range(300)]
            daemon.sweep(1)
            for listener in listeners:
                self.assertEqual(listener.event()["kind"], "sweep_submitted")
            # 20 times 5 MB are waiting to be told: they are not in memory.
            if b"__asan_init" not in pathlib.Path(NINETYD).read_bytes():
                self.assertLess(metric(daemon, "process_resident_memory_bytes") - before, 60e6)
            for listener in listeners + stuck:
                listener.close()
            wait_until(lambda: metric(daemon, "ninety_event_listeners") == 0, "all to be gone")


if __name__ == "__main__":
    unittest.main()
