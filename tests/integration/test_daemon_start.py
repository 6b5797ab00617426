"""How ninetyd starts, refuses to start, and stops."""
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

from daemon import NINETYD, Connection, Daemon, alive, wait_until

TOKEN = "0123456789abcdef0123456789abcdef"


class Refusals(unittest.TestCase):
    """One clear line on standard error, and an exit status that says whose fault it was."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def refused(self, status, words, *flags):
        done = subprocess.run([NINETYD, *map(str, flags)], cwd=self.folder, capture_output=True,
                              text=True, timeout=20, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_wrong_arguments_are_named(self):
        self.refused(2, ["--frobnicate"], "--frobnicate")
        self.refused(2, ["--db"], "--db")
        self.refused(2, ["extra"], "extra")
        self.refused(2, ["--workers", "many"], "--workers", "many")
        self.refused(2, ["--lease", "0"], "--lease", "0")
        self.refused(2, ["nowhere"], "--data", "nowhere")
        for address in ["", "9190", "localhost", "127.0.0.1:", "127.0.0.1:65536", "256.0.0.1:1",
                        "::1:9190", "[::1]", "example.com:1", "127.0.0.1:0x10"]:
            self.refused(2, ["127.0.0.1:9190"], "--listen", address)

    def test_help_and_version_are_no_errors(self):
        for flag, word in [("--help", "--token-file"), ("--version", "ninetyd ")]:
            done = subprocess.run([NINETYD, flag], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0)
            self.assertIn(word, done.stdout)

    def test_beyond_loopback_only_with_a_token(self):
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"]:
            self.refused(2, ["--token-file"], "--listen", address)

    def test_a_token_file_must_be_there_long_and_private(self):
        token = self.folder / "token"
        self.refused(1, [str(token), "No such file"], "--token-file", token, "--listen",
                     "127.0.0.1:0")
        token.write_text(TOKEN)
        token.chmod(0o644)
        self.refused(1, ["chmod 600"], "--token-file", token, "--listen", "127.0.0.1:0")
        token.write_text("short")
        token.chmod(0o600)
        self.refused(1, ["16"], "--token-file", token, "--listen", "127.0.0.1:0")

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(1, [f"127.0.0.1:{port}", "in use"], "--listen", f"127.0.0.1:{port}")

    def test_a_database_that_another_daemon_holds(self):
        with Daemon(folder=self.folder) as first:
            self.refused(75, ["another ninetyd", str(first.process.pid)], "--listen",
                         "127.0.0.1:0", "--db", self.folder / "ninety.db")
            first.kill()
            first.start()  # a killed one holds nothing

    def test_a_newer_database(self):
        with Daemon(folder=self.folder) as daemon:
            daemon.stop()
        database = sqlite3.connect(self.folder / "ninety.db")
        database.execute("PRAGMA user_version = 999")
        database.close()
        self.refused(1, ["999"], "--listen", "127.0.0.1:0", "--db", self.folder / "ninety.db")

    def test_a_file_that_is_no_database_is_left_alone(self):
        precious = self.folder / "thesis.txt"
        precious.write_text("chapter one\n" * 1000)
        self.refused(1, ["thesis.txt"], "--listen", "127.0.0.1:0", "--db", precious)
        self.assertEqual(precious.read_text(), "chapter one\n" * 1000)

    def test_a_directory_that_is_not_there_or_not_writable(self):
        self.refused(1, ["nowhere/n.db"], "--listen", "127.0.0.1:0", "--db", "nowhere/n.db")
        if os.geteuid() != 0:
            self.folder.chmod(0o500)
            self.refused(1, ["n.db"], "--listen", "127.0.0.1:0", "--db", self.folder / "n.db")
            self.folder.chmod(0o700)


class Access(unittest.TestCase):
    def test_with_a_token_every_address_may_be_listened_on(self):
        with tempfile.TemporaryDirectory(prefix="ninety-") as folder:
            token = pathlib.Path(folder) / "token"
            token.write_text(TOKEN + "\n")
            token.chmod(0o600)
            with Daemon("--token-file", str(token), folder=folder, listen="0.0.0.0:0") as daemon:
                self.assertEqual(daemon.call("GET", "/v1/sweeps").status, 401)
                self.assertEqual(daemon.call("GET", "/healthz").status, 200)
                daemon.token = TOKEN
                self.assertEqual(daemon.call("GET", "/v1/sweeps").status, 200)
                daemon.token = TOKEN[:-1]
                self.assertEqual(daemon.call("GET", "/v1/sweeps").status, 401)
                self.assertNotIn(TOKEN, daemon.words())

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("this machine has no IPv6 loopback")
        with Daemon(listen="[::1]:0") as daemon:
            connection = Connection(daemon.port, host="::1")
            self.assertEqual(connection.call("GET", "/healthz").status, 200)
            connection.close()
            self.assertIn(f"url=http://[::1]:{daemon.port}", daemon.words())


class Stops(unittest.TestCase):
    def test_sigterm_ends_it_within_a_second_and_answers_who_waits(self):
        with Daemon() as daemon:
            workers = [daemon.worker() for _ in range(20)]
            waiting = [daemon.connect() for _ in range(20)]
            for connection, worker in zip(waiting, workers):
                connection.send("POST", "/v1/claims", {"worker": worker, "wait_s": 60})
            daemon.get("/healthz")
            idle = daemon.connect()
            idle.call("GET", "/healthz")
            begun = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(10), 0)
            self.assertLess(time.monotonic() - begun, 1.5)
            for connection in waiting:
                answer = connection.receive()
                self.assertEqual((answer.status, answer.json), (200, {"claims": []}))
                connection.close()
            idle.close()

    def test_sigterm_in_the_middle_of_everything_takes_a_second_and_loses_nothing(self):
        """Claims that wait, a million trials being written, tables on their way to readers that take
        their time or none at all, and a request of which half has come."""
        with Daemon() as daemon:
            workers = [daemon.worker() for _ in range(100)]
            small = daemon.sweep(30000)
            wait_until(lambda: daemon.get(f"/v1/trials?sweep={small}&after=29999")["trials"],
                       "the small sweep")
            daemon.post(f"/v1/sweeps/{small}/pause", {})
            waiting = [daemon.connect() for _ in range(100)]
            readers = [daemon.connect() for _ in range(4)]
            for connection in readers:
                connection.send("GET", "/v1/results?format=csv")
            half = socket.create_connection(("127.0.0.1", daemon.port))
            half.sendall(b"POST /v1/sweeps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
            big = daemon.sweep(100000, parameters={"batch_size": list(range(1, 11))})
            daemon.post(f"/v1/sweeps/{big}/pause", {})
            for connection, worker in zip(waiting, workers):
                connection.send("POST", "/v1/claims", {"worker": worker, "wait_s": 60})
            begun = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begun, 2)
            for connection in [*waiting, *readers]:
                connection.close()
            half.close()
            written = sqlite3.connect(daemon.folder / "ninety.db").execute(
                "SELECT expanded FROM sweeps WHERE id = ?", (big,)).fetchone()[0]
            self.assertLess(written, 1000000)  # it was in the middle of it
            rules = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"], "schema", "check.sql").read_text()
            with sqlite3.connect(daemon.folder / "ninety.db") as database:
                self.assertEqual(database.execute(rules).fetchall(), [])
            daemon.restart()
            self.assertEqual(daemon.get(f"/v1/sweeps/{big}")["queued"], 1000000)

    def test_what_was_answered_survives_kill_9(self):
        with Daemon() as daemon:
            worker = daemon.worker()
            sweep = daemon.sweep(50)
            claims = daemon.post("/v1/claims", {"worker": worker, "max": 10})["claims"]
            daemon.kill()
            daemon.restart()
            self.assertEqual(daemon.get(f"/v1/sweeps/{sweep}")["running"], 10)
            # Their leases go on: the worker need not even notice.
            reports = [{"trial": c["trial"], "attempt": c["attempt"]} for c in claims]
            results = daemon.post("/v1/reports", {"worker": worker, "reports": reports})["results"]
            self.assertEqual({r["status"] for r in results}, {"ok"})

    def test_it_dies_with_its_parent(self):
        program = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:])
print(child.pid, flush=True)
sys.stdin.read()
"""
        with tempfile.TemporaryDirectory(prefix="ninety-") as folder:
            port = pathlib.Path(folder) / "port"
            parent = subprocess.Popen(
                [sys.executable, "-c", program, NINETYD, "--die-with-parent", "--listen",
                 "127.0.0.1:0", "--db", f"{folder}/n.db", "--port-file", str(port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            pid = int(parent.stdout.readline())
            wait_until(port.exists, "the port file")
            parent.kill()
            parent.communicate()
            # Adopted by another parent, it is gone or a zombie when it has ended.
            wait_until(lambda: not alive(pid), "the daemon's end")


FAKE_WORKER = """#!/bin/sh
echo "$@" >>"$FAKE_LOG"
echo "token=$NINETY_TOKEN" >>"$FAKE_LOG"
echo "no_proxy=$no_proxy NO_PROXY=$NO_PROXY" >>"$FAKE_LOG"
echo "pid=$$" >>"$FAKE_LOG"
trap 'echo terminated >>"$FAKE_LOG"; exit 0' TERM
[ -n "$FAKE_EXIT" ] && exit 3
while kill -0 $PPID 2>/dev/null; do sleep 0.05; done
"""


class LocalWorker(unittest.TestCase):
    """A pretended ninety-worker beside a copy of ninetyd: that one is found first."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.folder = pathlib.Path(self.temporary.name)
        self.log = self.folder / "worker.log"
        self.log.touch()
        self.program = self.folder / "ninetyd"
        shutil.copy(NINETYD, self.program)
        worker = self.folder / "ninety-worker"
        worker.write_text(FAKE_WORKER)
        worker.chmod(0o755)

    def tearDown(self):
        self.temporary.cleanup()

    def daemon(self, *flags, **env):
        return Daemon("--workers", "3", *flags, folder=self.folder, program=self.program,
                      env={"FAKE_LOG": str(self.log), **env})

    def seen(self, word, n=1):
        wait_until(lambda: self.log.read_text().count(word) >= n, f"{n} x {word}")
        return self.log.read_text()

    def test_it_is_told_where_the_daemon_is_and_stopped_with_it(self):
        with self.daemon("--trainer", "python3 mine.py") as daemon:
            words = self.seen("pid=")
            self.assertIn(f"--daemon {daemon.url} --slots 3 --die-with-parent", words)
            self.assertIn("--trainer python3 mine.py", words)
            self.assertIn("token=\n", words)
            self.assertEqual(daemon.stop(), 0)
            self.assertIn("terminated", self.log.read_text())

    def test_the_token_comes_by_the_environment_alone(self):
        token = self.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        with self.daemon("--token-file", str(token)) as daemon:
            words = self.seen("pid=")
            self.assertIn(f"token={TOKEN}\n", words)
            self.assertNotIn(TOKEN, words.splitlines()[0])
            for pid in [daemon.process.pid, int(words.split("pid=")[1].split()[0])]:
                self.assertNotIn(TOKEN, pathlib.Path(f"/proc/{pid}/cmdline").read_text())

    def test_a4_its_way_to_the_daemon_leads_through_no_proxy(self):
        for env, expected in [({"no_proxy": ""}, "127.0.0.1"), ({"no_proxy": "a.b,c.d"}, "a.b,c.d,127.0.0.1"),
                              ({"NO_PROXY": "a.b"}, "a.b,127.0.0.1")]:
            with unittest.mock.patch.dict(os.environ):
                for name in ("no_proxy", "NO_PROXY"):
                    os.environ.pop(name, None)
                with self.daemon(**env):
                    self.seen(f"no_proxy={expected} NO_PROXY=\n")
            self.log.write_text("")

    def test_one_that_ends_is_started_again_with_growing_delay(self):
        with self.daemon(FAKE_EXIT="1") as daemon:
            begun = time.monotonic()
            self.seen("pid=", 3)
            self.assertGreater(time.monotonic() - begun, 1.3)  # 0.5 s, then 1 s
            self.assertIn("the local worker ended", daemon.words())
            self.assertEqual(daemon.get("/healthz")["status"], "ok")
            self.assertEqual(daemon.stop(), 0)

    def test_the_daemon_ends_with_one_that_cannot_work_if_it_was_told_to(self):
        with self.daemon("--end-with-worker", FAKE_EXIT="1") as daemon:
            self.assertEqual(daemon.process.wait(10), 1)
        self.assertEqual(self.log.read_text().count("pid="), 1)

    def test_no_program_is_one_clear_line(self):
        (self.folder / "ninety-worker").unlink()
        done = subprocess.run([self.program, "--listen", "127.0.0.1:0", "--workers", "1"],
                              cwd=self.folder, capture_output=True, text=True, timeout=20,
                              env={**os.environ, "PATH": "/nonexistent"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("ninety-worker", done.stderr.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
