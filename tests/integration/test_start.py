"""How every program begins, whatever started it: closed streams, nohup, few descriptors."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from daemon import NINETYD, Daemon, alive, wait_until
from fake_daemon import FakeDaemon
from ninety import NINETY, SOURCE_ROOT, TINY, Programs, environment, until
from worker import FAKE_TRAINER, NINETY_WORKER, Worker

NINETY_TRAINER = os.environ["NINETY_TRAINER"]
# Which of the streams 0, 1, 2 a shell closes.
CLOSED = ["<&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-", "<&- 2>&-", "2>&-"]


def shell(before, *command, redirections="", **more):
    """Runs a command in a shell's place, after `before` and with these redirections."""
    return ["/bin/sh", "-c", f"{before} exec \"$@\" {redirections}", "sh", *map(str, command)]


class ClosedStreams(Programs):
    def test_d6_a_daemon_with_closed_streams_trains_and_stops_in_order(self):
        for n, closed in enumerate(CLOSED):
            with self.subTest(closed):
                database, port_file = self.folder / f"{n}.db", self.folder / f"{n}.port"
                daemon = self.start(*shell("", NINETYD, "--listen", "127.0.0.1:0", "--port-file",
                                           port_file, "--db", database, "--workers", 1,
                                           "--trainer", FAKE_TRAINER, redirections=closed))
                url = "http://127.0.0.1:" + until(
                    lambda: port_file.exists() and port_file.read_text().strip(), "the port file")
                done = self.ninety("submit", "--watch", "--daemon", url, "--dataset",
                                   "synthetic-digits", "--depth", 1)
                self.assertEqual(done.returncode, 0, done.stderr)
                workers = self.ninety("workers", "--daemon", url, "--format", "csv").stdout
                self.assertEqual(len(workers.splitlines()), 2, workers)  # it never had to be restarted
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(20), 0)

    def test_d6_a_worker_with_closed_streams_trains(self):
        for closed in CLOSED:
            with self.subTest(closed):
                with tempfile.TemporaryDirectory(prefix="ninety-") as folder:
                    daemon = FakeDaemon()
                    worker = Worker(daemon.url, "--exit-when-idle", "0.5",
                                    prefix=shell("", redirections=closed))
                    try:
                        daemon.submit(0)
                        self.assertIn("done", wait_until(lambda: daemon.end(1), "end of the trial"))
                        self.assertEqual(worker.wait(), 0, folder)
                    finally:
                        worker.close()
                        daemon.stop()

    def test_d6_a_client_with_closed_streams_trains(self):
        for closed in CLOSED:
            with self.subTest(closed):
                done = subprocess.run(
                    shell("", NINETY, "train", "--depth", 1, *TINY, redirections=closed),
                    cwd=self.folder, env=environment(), timeout=60, capture_output=True, text=True)
                # What cannot be written is told by the status: nobody else can be told.
                self.assertEqual(done.returncode, 1 if ">&-" in closed.split() else 0,
                                 closed + done.stderr)

    def test_d6_a_run_with_closed_streams_trains(self):
        for closed in ("<&- >&- 2>&-", "<&- 2>&-"):
            self.db = self.folder / f"{len(closed)}.db"
            done = subprocess.run(
                shell("", NINETY, "run", "--db", self.db, "--depth", 1, "--replicates", 3, *TINY,
                      redirections=closed), cwd=self.folder, env=environment(), timeout=60)
            self.assertEqual(self.count("succeeded"), 3)
            self.assertEqual(done.returncode, 1 if ">&-" in closed.split() else 0)

    def test_d6_a_trainer_with_closed_streams_ends(self):
        for closed, status in [("<&-", 0), ("<&- >&-", 1), ("<&- 2>&-", 0)]:
            done = subprocess.run(shell("", NINETY_TRAINER, redirections=closed), timeout=60,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, status, closed + done.stderr)


class HangUp(Programs):
    """D7: what nohup has ignored stays ignored; without it a hang-up stops in order."""

    def hang_up(self, process, ready):
        ready()
        process.send_signal(signal.SIGHUP)

    def test_d7_a_daemon_under_nohup_goes_on(self):
        for before, goes_on in [("trap '' HUP;", True), ("", False)]:
            port_file = self.folder / "port"
            port_file.unlink(missing_ok=True)
            daemon = self.start(*shell(before, NINETYD, "--listen", "127.0.0.1:0", "--port-file",
                                       port_file, "--db", self.db))
            until(port_file.exists, "the port file")
            daemon.send_signal(signal.SIGHUP)
            if goes_on:
                url = "http://127.0.0.1:" + port_file.read_text().strip()
                self.assertEqual(self.ninety("status", "--daemon", url).returncode, 0)
                daemon.terminate()
            self.assertEqual(daemon.wait(20), 0)

    def test_d7_a_worker_under_nohup_goes_on(self):
        for before, goes_on in [("trap '' HUP;", True), ("", False)]:
            daemon = FakeDaemon()
            self.addCleanup(daemon.stop)
            worker = Worker(daemon.url, prefix=shell(before))
            self.addCleanup(worker.close)
            wait_until(lambda: daemon.workers, "registration")
            worker.process.send_signal(signal.SIGHUP)
            if goes_on:
                daemon.submit(0)
                self.assertIn("done", wait_until(lambda: daemon.end(1), "end of the trial"))
                worker.terminate()
            self.assertEqual(worker.wait(), 0)

    def test_d7_a_run_under_nohup_goes_on(self):
        for before, status in [("trap '' HUP;", 0), ("", 130)]:
            database = self.folder / f"{status}.db"
            run = self.start(*shell(before, NINETY, "run", "--db", database, "--workers", 1, "--depth",
                                    1, "--replicates", 20, *TINY))
            until(lambda: database.exists() and self.done_in(database) > 1, "the first trials")
            run.send_signal(signal.SIGHUP)
            self.assertEqual(run.wait(60), status)
            self.assertEqual(self.done_in(database) == 20, status == 0)

    def done_in(self, database):
        self.db = database
        return self.count("succeeded")

    def test_d7_an_interrupt_that_is_ignored_stays_ignored(self):
        """A script's `ninety-worker &`: the Ctrl-C is for the script."""
        daemon = FakeDaemon()
        self.addCleanup(daemon.stop)
        worker = Worker(daemon.url, prefix=shell("trap '' INT;"))
        self.addCleanup(worker.close)
        wait_until(lambda: daemon.workers, "registration")
        worker.process.send_signal(signal.SIGINT)
        daemon.submit(0)
        self.assertIn("done", wait_until(lambda: daemon.end(1), "end of the trial"))
        worker.terminate()
        self.assertEqual(worker.wait(), 0)


class SignalsOfTheStarter(Programs):
    """D7's kind: signals that whoever started a program had blocked, or SIGCHLD ignored."""

    @staticmethod
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))

    @staticmethod
    def ignore_children():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def test_d7_a_run_trains_and_stops_whatever_signals_were_blocked_or_ignored(self):
        for before in (self.block, self.ignore_children):
            self.db = self.folder / f"{before.__name__}.db"
            words = [NINETY, "run", "--db", self.db, "--workers", 2, "--depth", 1, *TINY, "--replicates"]
            run = self.start(*words, 4, preexec_fn=before)
            _, said = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 0, said)
            self.assertEqual(self.count("succeeded"), 4)
            run = self.start(*words, 400, preexec_fn=before)
            until(lambda: self.count("succeeded") > 6, "the first trials")
            run.terminate()
            _, said = run.communicate(timeout=30)
            self.assertEqual(run.returncode, 130, said)

    def test_d7_a_worker_stops_whatever_signals_were_blocked_or_ignored(self):
        for before in ("block", "ignore_children"):
            daemon = FakeDaemon()
            self.addCleanup(daemon.stop)
            script = ("import os, signal, sys\n"
                      "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))\n"
                      if before == "block" else
                      "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n")
            worker = Worker(daemon.url, prefix=[sys.executable, "-c", script +
                                                "os.execv(sys.argv[1], sys.argv[1:])"])
            self.addCleanup(worker.close)
            daemon.submit(4, 0)  # one whose trainer ends, and one more
            for trial in (1, 2):
                wait_until(lambda trial=trial: daemon.end(trial), "end of the trial")
            worker.terminate()
            self.assertEqual(worker.wait(), 0)


class FewDescriptors(Programs):
    def assert_told(self, n, *command, word="ulimit -n"):
        done = subprocess.run(shell(f"ulimit -n {n};", *command), cwd=self.folder, timeout=30,
                              env=environment(), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(word, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_d25_a16_too_few_descriptors_are_told_at_once_with_the_remedy(self):
        daemon = [NINETYD, "--listen", "127.0.0.1:0", "--db", self.db]
        run = [NINETY, "run", "--db", self.db, "--workers", 1, "--depth", 1, *TINY]
        for n in (10, 16, 20, 63):
            self.assert_told(n, NINETY_WORKER, "--slots", 1)
            self.assert_told(n, *run)
        for n in (10, 20, 100, 127, 128, 191):
            self.assert_told(n, *daemon)
        for n in (64, 100, 191):  # enough for the client, not for its daemon
            self.assert_told(n, *run)
        self.assert_told(12, NINETY_TRAINER)
        self.assert_told(100, NINETY_WORKER, "--slots", 10)

    def test_d25_the_least_that_is_asked_for_is_enough(self):
        said = subprocess.run(shell("ulimit -n 20;", NINETYD, "--db", self.db), cwd=self.folder,
                              capture_output=True, text=True, timeout=20).stderr
        least = re.search(r"needs (\d+);", said).group(1)
        page = (SOURCE_ROOT / "docs" / "workers.md").read_text(encoding="utf-8")
        self.assertIn(f"{least} for the daemon", page)
        done = subprocess.run(shell(f"ulimit -n {least};", NINETY, "run", "--db", self.db, "--workers", 2,
                                    "--depth", "1..2", "--replicates", 5, *TINY),
                              cwd=self.folder, timeout=60, env=environment(), capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_d25_a_soft_limit_alone_is_raised(self):
        done = subprocess.run(shell("ulimit -S -n 20;", NINETY, "run", "--db", self.db, "--workers", 2,
                                    "--depth", 1, *TINY),
                              cwd=self.folder, timeout=60, env=environment(), capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


class FileSizes(Programs):
    """ulimit -f: what a disk that is full would do, in place of a signal that kills (D25's kind)."""

    def test_d25_a_client_tells_that_its_output_is_cut_off(self):
        with open(self.folder / "out", "wb") as out:
            done = subprocess.run(shell("ulimit -f 1;", NINETY, "run", "--help"), stdout=out,
                                  stderr=subprocess.PIPE, text=True, env=environment(), timeout=20)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("File too large", done.stderr)

    def test_d25_a_daemon_lives_on(self):
        port_file = self.folder / "port"
        daemon = self.start(*shell("ulimit -f 1000;", NINETYD, "--listen", "127.0.0.1:0",
                                   "--port-file", port_file, "--db", self.db))
        url = "http://127.0.0.1:" + until(
            lambda: port_file.exists() and port_file.read_text().strip(), "the port file")
        words = ["submit", "--daemon", url, "--depth", 1, "--replicates", 2000, "--name"]
        until(lambda: self.ninety(*words, os.urandom(8).hex()).returncode != 0, "the limit")
        self.assertIsNone(daemon.poll())
        self.assertEqual(self.ninety("status", "--daemon", url).returncode, 0)
        daemon.terminate()
        self.assertEqual(daemon.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
