"""The real programs on a disk that fills up: what they say, how they end, what they leave behind, and
that they go on by themselves when there is space again. The disk is a small tmpfs in a mount
namespace of the test's own; skipped, by name, where such a thing cannot be had."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from daemon import PATIENCE_S, Daemon, done, wait_until
from fake_daemon import FakeDaemon
from worker import Worker, write_data_set

NINETY = os.environ["NINETY"]
IN_NAMESPACE = "NINETY_TEST_NAMESPACE"
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
TINY = ["--dataset", "synthetic-digits", "--train-size", "2000", "--batch-size", "100",
        "--max-steps", "5"]


class SmallDisk(unittest.TestCase):
    def setUp(self):
        if not os.environ.get(IN_NAMESPACE):
            self.skipTest("no mount namespace can be had here")
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.disk = self.folder / "disk"
        self.disk.mkdir()

    def mount(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)

    def fill(self):
        """All of it; the file that takes the space."""
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as out:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while out.write(b"\0" * size) == size:
                        pass
                except OSError:
                    pass
        return filler

    def ninety(self, *words, **more):
        return subprocess.run([NINETY, *map(str, words)], capture_output=True, text=True, timeout=60,
                              cwd=self.folder, check=False, **more)

    def left(self):
        return sorted(path.name for path in self.disk.iterdir() if path.name != "filler")


class Watchdog:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("")  # a free abstract name
        self.socket.settimeout(PATIENCE_S)
        name = self.socket.getsockname().decode().replace("\0", "@")
        self.env = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "300000"}

    def hear(self):
        return self.socket.recv(64).decode()

    def forget(self):
        self.socket.setblocking(False)
        try:
            while self.socket.recv(64):
                pass
        except BlockingIOError:
            self.socket.settimeout(PATIENCE_S)


class Database(SmallDisk):
    def test_a_full_disk_makes_it_unhealthy_but_it_stays_alive_for_systemd(self):
        self.mount("8m")
        watchdog = Watchdog()
        with Daemon("--db", str(self.disk / "ninety.db"), folder=self.folder,
                    env=watchdog.env) as daemon:
            self.assertEqual(watchdog.hear(), "READY=1")
            self.assertEqual(watchdog.hear(), "WATCHDOG=1")
            filler = self.fill()
            body = {"base": {"depth": 1}, "replicates": 50000}
            self.assertEqual(daemon.call("POST", "/v1/sweeps", body).status, 503)
            watchdog.forget()
            self.assertEqual([watchdog.hear() for _ in range(3)], ["WATCHDOG=1"] * 3)
            self.assertEqual(daemon.call("GET", "/healthz").status, 503)
            self.assertEqual(daemon.call("GET", "/").status, 200)  # for a liveness probe

            daemon.process.send_signal(signal.SIGSTOP)  # no round ends: no answer, no word
            watchdog.forget()
            asker = daemon.connect(timeout=0.5)
            asker.send("GET", "/healthz")
            self.assertRaises(TimeoutError, asker.receive)
            watchdog.socket.settimeout(0)
            self.assertRaises(BlockingIOError, watchdog.hear)
            watchdog.socket.settimeout(PATIENCE_S)
            daemon.process.send_signal(signal.SIGCONT)
            self.assertEqual(watchdog.hear(), "WATCHDOG=1")
            filler.unlink()
            wait_until(lambda: daemon.call("GET", "/healthz").status == 200, "recovery", 5)
            watchdog.forget()
            self.assertEqual(daemon.stop(), 0)
            while watchdog.hear() != "STOPPING=1":
                pass

    def test_a_full_disk_is_503_and_over_when_there_is_space_again(self):
        self.mount("8m")
        database = self.disk / "ninety.db"
        with Daemon("--lease", "60", "--db", str(database), folder=self.folder) as daemon:
            worker = daemon.worker()
            sweep = daemon.sweep(20)
            claims = daemon.post("/v1/claims", {"worker": worker, "max": 8})["claims"]
            filler = self.fill()
            big = {"base": {"depth": 1}, "replicates": 50000}
            answer = daemon.call("POST", "/v1/sweeps", big, {"Idempotency-Key": "k"})
            self.assertEqual((answer.status, answer.json["error"]["code"]), (503, "unavailable"))
            self.assertTrue(answer.headers["Retry-After"])
            self.assertEqual(daemon.call("GET", "/healthz").status, 503)
            self.assertEqual(daemon.get(f"/v1/sweeps/{sweep}")["running"], 8)  # reading goes on
            self.assertIn("database or disk is full", daemon.words())

            filler.unlink()
            wait_until(lambda: daemon.call("GET", "/healthz").status == 200, "recovery", 5)
            reports = [done(c["trial"], c["attempt"]) for c in claims]
            results = daemon.post("/v1/reports", {"worker": worker, "reports": reports})["results"]
            self.assertEqual({r["status"] for r in results}, {"ok"})
            answer = daemon.call("POST", "/v1/sweeps", {**big, "replicates": 10},
                                 {"Idempotency-Key": "k"})
            self.assertEqual(answer.status, 201)  # the first one was never true
            self.assertEqual(daemon.stop(), 0)
        checked = self.ninety("check", "--db", database)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_a_daemon_cannot_start_where_there_is_no_space_and_says_so(self):
        self.mount("64k")
        filler = self.fill()
        for spare in (0, 16 << 10):
            os.truncate(filler, filler.stat().st_size - spare)
            with self.assertRaisesRegex(AssertionError,
                                        r"with 1: (?:ninetyd: .*ninety\.db.*(?:No space left|disk is full).*\n)+$"):
                Daemon("--db", str(self.disk / "ninety.db"), folder=self.folder)

    def test_a_log_that_cannot_be_written_stops_nothing(self):
        with open("/dev/full", "wb") as full:
            port = self.folder / "port"
            daemon = subprocess.Popen(
                [os.environ["NINETYD"], "--listen", "127.0.0.1:0", "--port-file", str(port),
                 "--db", str(self.folder / "n.db")], stdout=full, stderr=full)
            wait_until(port.exists, "the port file")
            url = f"http://127.0.0.1:{port.read_text().strip()}"
            asked = self.ninety("submit", *TINY, "--depth", "1", "--daemon", url)
            self.assertEqual(asked.returncode, 0, asked.stderr)
            daemon.terminate()
            self.assertEqual(daemon.wait(10), 0)


class Copies(SmallDisk):
    def test_a_backup_without_space_says_where_and_leaves_nothing(self):
        with Daemon(folder=self.folder) as daemon:
            daemon.sweep(2000)
            wait_until(lambda: daemon.get("/v1/sweeps/1")["queued"] == 2000, "the sweep")
            self.mount("64k")
            copied = self.ninety("backup", self.disk / "copy.db", "--db", self.folder / "ninety.db")
            self.assertEqual(copied.returncode, 1)
            self.assertIn(str(self.disk / "copy.db"), copied.stderr.splitlines()[-1])
            self.assertIn("full", copied.stderr)
            self.assertEqual(self.left(), [])

    def test_a_model_without_space_says_where_and_leaves_nothing(self):
        self.mount("64k")
        trained = self.ninety("train", *TINY, "--depth", "2", "--save", self.disk / "m.safetensors")
        self.assertEqual(trained.returncode, 1, trained.stderr)
        self.assertIn(str(self.disk / "m.safetensors"), trained.stderr)
        self.assertIn("No space left on device", trained.stderr)
        self.assertEqual(self.left(), [])

    def test_a_trace_without_space_says_where(self):
        self.mount("64k")
        self.fill()
        for batch in (100, 2000):  # lines shorter and longer than the buffer of a file
            trained = self.ninety("train", *TINY, "--depth", "1", "--batch-size", batch,
                                  "--trace", self.disk / "trace")
            self.assertEqual(trained.returncode, 1, trained.stderr)
            self.assertIn(str(self.disk / "trace"), trained.stderr)
            self.assertIn("No space left on device", trained.stderr)

    def test_results_that_do_not_fit_are_no_success(self):
        with Daemon(folder=self.folder) as daemon:
            daemon.sweep(50)
            for form in ("csv", "json"):
                with open("/dev/full", "w", encoding="utf-8") as full:
                    asked = subprocess.run(
                        [NINETY, "results", "--format", form, "--daemon", daemon.url],
                        stdout=full, stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(asked.returncode, 1, asked.stderr)
                self.assertIn("No space left on device", asked.stderr)


class Cache(SmallDisk):
    def test_a_full_cache_fails_the_trial_with_its_path_and_the_worker_goes_on(self):
        self.mount("64k")
        daemon = FakeDaemon()
        self.addCleanup(daemon.stop)
        data = self.folder / "data"
        write_data_set(data / "tiny", 100, 100)
        worker = Worker(daemon.url, "--cache", str(self.disk), data=data)
        self.addCleanup(worker.close)
        daemon.submit(0)
        failed = wait_until(lambda: daemon.end(1), "the end of the trial")["failed"]
        self.assertIn(str(self.disk), failed["reason"])
        self.assertRegex(failed["reason"], "No space left on device|make room")
        self.assertTrue(failed["retry"])
        self.assertEqual([p.name for p in self.disk.rglob("*") if p.is_file()], ["lock"])
        subprocess.run(["mount", "-o", "remount,size=8m", self.disk], check=True)
        daemon.submit(0)
        self.assertIn("done", wait_until(lambda: daemon.end(2), "the end of the next"))


if __name__ == "__main__":
    if not os.environ.get(IN_NAMESPACE) and shutil.which(NAMESPACE[0]):
        if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0:
            os.execvpe(NAMESPACE[0], [*NAMESPACE, sys.executable, *sys.argv],
                       {**os.environ, IN_NAMESPACE: "1"})
    unittest.main()
