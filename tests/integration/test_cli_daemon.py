"""The client's commands against a real daemon with a real worker."""
import csv
import io
import json
import os
import re
import signal
import unittest

from ninety import NINETY, SOURCE_ROOT, TINY, Programs, until


class Daemon(Programs):
    def setUp(self):
        super().setUp()
        self.daemon, self.url = self.start_daemon()

    def ask(self, *words, code=0):
        done = self.ninety(*words, NINETY_DAEMON=self.url)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def train_all(self):
        """Puts a daemon with a worker in the place of the one without."""
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=30)
        self.daemon, self.url = self.start_daemon("--workers", "2")

    def test_a_sweep_from_submission_to_results(self):
        self.assertIn("sweep 1: 4 trials in 2 cells",
                      self.ask("submit", *TINY, "--depth", "1..2", "--replicates", "2", "--name", "first"))
        self.assertIn("0/4", self.ask("status"))
        self.assertIn("no worker has registered", self.ask("workers"))
        self.train_all()
        shown = self.ask("watch", "first")
        self.assertIn("reached/n", shown)

        rows = list(csv.DictReader(io.StringIO(self.ask("results", "--format", "csv"))))
        self.assertEqual([row["state"] for row in rows], ["succeeded"] * 4)
        cells = json.loads(self.ask("summary", "first", "--format", "json"))["summary"]
        self.assertEqual([cell["n"] for cell in cells], [2, 2])
        self.assertEqual(len(self.ask("results", "1").splitlines()), 5)
        shown = self.ask("layers", "first")
        self.assertRegex(shown, r"gradient_rms at step 1,.*\n\ndepth +trials +0 +1 +2\n +1 +2( +\d\.\de-\d\d){2} +-\n")
        rows = json.loads(self.ask("layers", "--step", "2", "--value", "weight_rms", "--format", "json"))["layers"]
        self.assertEqual([(row["depth"], row["layer"], row["trials"]) for row in rows],
                         [(1, 0, 2), (1, 1, 2), (2, 0, 2), (2, 1, 2), (2, 2, 2)])
        self.assertEqual(self.query("SELECT count(*) FROM layers WHERE step = 2 AND weight_rms > 0"), [(10,)])
        self.assertIn("value must be one of", self.ninety("layers", "--value", "a&b", NINETY_DAEMON=self.url).stderr)
        self.assertIn("4/4", self.ask("status", "1"))
        self.assertIn("alive", self.ask("workers"))
        self.assertIn("finished", self.ask("status", "first", "--format", "csv"))

    def test_submit_and_watch_in_one(self):
        self.train_all()
        shown = self.ask("submit", *TINY, "--depth", "1", "--watch")
        self.assertIn("sweep 1: 1 trial in 1 cell", shown)
        self.assertEqual(self.count("succeeded"), 1)

    def test_an_idempotency_key_submits_once(self):
        words = ["submit", *TINY, "--depth", "1", "--idempotency-key", "abc"]
        self.ask(*words)
        self.assertIn("submitted before", self.ask(*words))
        done = self.ninety("submit", *TINY, "--depth", "2", "--idempotency-key", "abc",
                           NINETY_DAEMON=self.url)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "ninety submit: this idempotency key was used before, for another sweep: to "
                                      "submit this one, use another key or none\n")
        self.assertEqual(self.query("SELECT count(*) FROM sweeps"), [(1,)])

    def test_b14_a_database_can_be_named_instead_of_a_daemon(self):
        self.ask("submit", *TINY, "--depth", "1", "--name", "kept")
        self.assertIn("is paused", self.ninety("pause", "kept", "--db", self.db).stdout)  # through its daemon
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=30)
        self.assertIn("is active", self.ninety("resume", "kept", "--db", self.db).stdout)
        self.assertIn("no worker has registered", self.ninety("workers", "--db", self.db).stdout)
        done = self.ninety("watch", "kept", "--db", self.db)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no daemon has this database open, so nothing moves in it", done.stderr)

    def test_d20_what_has_no_effect_is_said_at_submission(self):
        done = self.ninety("submit", *TINY, "--depth", "1", "--momentum", "0.1,0.9", NINETY_DAEMON=self.url)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "ninety submit: parameters.momentum has no effect on any cell, so that its "
                         "values would train the same network again: it needs optimizer momentum or nesterov\n")
        warning = "ninety submit: warning: momentum has no effect: it needs optimizer momentum or nesterov\n"
        for words in (["--dry-run"], []):
            done = self.ninety("submit", *TINY, "--depth", "1", "--momentum", "0.1", *words, NINETY_DAEMON=self.url)
            self.assertEqual((done.returncode, done.stderr), (0, warning))
        done = self.ninety("submit", *TINY, "--depth", "1,2", NINETY_DAEMON=self.url)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_b3_readmes_daemon_says_nothing_while_trials_are_trained(self):
        self.train_all()
        self.ask("submit", *TINY, "--depth", "1..2", "--replicates", "3")
        self.ask("watch", "1")
        self.daemon.send_signal(signal.SIGTERM)
        _, log = self.daemon.communicate(timeout=30)
        self.assertIn("registered", log)
        self.assertNotIn("trial=", log)

    def test_b4_a_sweep_says_for_what_it_waits(self):
        self.ask("submit", *TINY, "--depth", "1")
        watching = self.start(NINETY, "watch", "1", "--daemon", self.url)
        self.assertIn("; waiting for a worker\n", watching.stderr.readline())
        self.assertRegex(self.ask("status"), r"active .* no worker ")
        self.ask("pause", "1")
        self.assertIn("paused", self.ask("status", "1"))
        self.assertEqual(json.loads(self.ask("status", "1", "--format", "json"))["waits_for"], "resume")

    def test_a_sweep_is_paused_resumed_cancelled_and_tried_again(self):
        self.ask("submit", *TINY, "--depth", "1..3", "--name", "s")
        self.assertIn("is paused", self.ask("pause", "s"))
        self.assertIn("is active", self.ask("resume", "1"))
        self.assertIn("is cancelled: 3 of 3", self.ask("cancel", "1"))
        refused = self.ninety("resume", "1", NINETY_DAEMON=self.url)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("cancelled", refused.stderr)
        self.assertIn("3 trials queued again", self.ask("retry", "s"))
        self.ask("status", "7", code=1)
        self.ask("status", "99999999999999999999", code=1)

    def test_watching_can_be_stopped_and_does_not_stop_the_sweep(self):
        self.ask("submit", *TINY, "--depth", "1")
        watching = self.start(NINETY, "watch", "1", "--daemon", self.url)
        self.assertIn("0 of 1 trials done", watching.stderr.readline())
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=20)
        self.assertEqual(watching.returncode, 130)
        self.assertIn("the sweep goes on", said)
        self.assertIn("active", self.ask("status", "1"))

    def test_watching_outlives_a_restart_of_the_daemon(self):
        self.ask("submit", *TINY, "--depth", "1..2")
        port = self.url.rsplit(":", 1)[1]
        watching = self.start(NINETY, "watch", "1", "--daemon", self.url)
        watching.stderr.readline()
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=30)
        self.assertIn("does not answer; waiting for it", watching.stderr.readline())
        self.daemon, _ = self.start_daemon("--workers", "2", listen=f"127.0.0.1:{port}")
        shown, said = watching.communicate(timeout=60)
        self.assertEqual(watching.returncode, 0, said)
        self.assertIn("reached/n", shown)

    def test_a_cancelled_sweep_is_no_success(self):
        self.ask("submit", *TINY, "--depth", "1")
        self.ask("cancel", "1")
        self.ask("watch", "1", code=3)

    def test_a_database_in_use_is_read_through_its_daemon(self):
        self.ask("submit", *TINY, "--depth", "1..2", "--name", "kept")
        done = self.ninety("status", "--db", self.db)
        self.assertIn("kept", done.stdout, done.stderr)
        self.assertEqual(self.ninety("cancel", "kept", "--db", self.db).returncode, 0)
        self.assertIn("cancelled", self.ask("status"))

    def test_a_database_is_read_without_a_daemon(self):
        self.ask("submit", *TINY, "--depth", "1..2", "--name", "kept")
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.communicate(timeout=30)
        done = self.ninety("status", "--db", self.db)
        self.assertIn("kept", done.stdout, done.stderr)
        done = self.ninety("results", "--db", self.db, "--format", "csv")
        self.assertEqual(len(done.stdout.splitlines()), 3)
        done = self.ninety("status", "--db", self.db, "--daemon", self.url)
        self.assertIn("contradict", done.stderr)
        done = self.ninety("results", "--db", self.folder / "misspelt.db")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.folder / "misspelt.db").exists())

    def test_every_example_is_a_sweep_that_the_daemon_takes(self):
        sizes = {}
        for path in sorted((SOURCE_ROOT / "examples").glob("*.json")):
            sizes[path.stem] = self.ask("submit", path, "--dry-run").split(";")[0]
        self.assertEqual(sizes["depth-batch-norm"], "70 trials in 14 cells")
        self.assertLessEqual({"activations", "depth-batch-norm", "seven-layers", "smoke", "time-cost"}, set(sizes))

    def test_the_queries_of_the_documentation_work(self):
        text = (SOURCE_ROOT / "docs" / "results.md").read_text()
        queries = re.findall(r"^    (SELECT .*?;)$", text, re.M | re.S)
        self.assertGreater(len(queries), 5)
        for query in queries:
            self.query(query)

    def test_sql_reads_and_cannot_write(self):
        self.ask("submit", *TINY, "--depth", "1..2")
        done = self.ninety("sql", "--db", self.db, "SELECT depth, pending FROM summary ORDER BY depth")
        self.assertEqual(done.stdout.splitlines(), ["depth,pending", "1,1", "2,1"])
        done = self.ninety("sql", "--db", self.db, "DELETE FROM sweeps")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("readonly", done.stderr)
        done = self.ninety("sql", "--db", self.db, "SELECT 1", PATH="/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt install sqlite3", done.stderr)

    def test_a_backup_is_whole_and_a_sweep_can_go(self):
        self.ask("submit", *TINY, "--depth", "1..2", "--name", "s")
        copy = self.folder / "it's a copy.db"
        self.assertEqual(self.ninety("backup", "--db", self.db, copy).returncode, 0)
        nowhere = self.ninety("backup", "--db", self.db, "/nonexistent/copy.db")
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn("could not be copied to /nonexistent/copy.db", nowhere.stderr)
        again = self.ninety("backup", "--db", self.db, copy)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is there already", again.stderr)
        self.assertEqual(self.ninety("check", "--db", copy).returncode, 0)

        self.ask("delete", "s", code=1)
        self.ask("cancel", "s")
        self.assertIn("deleted, with 2 trials", self.ask("delete", "s"))
        self.ask("status", "s", code=1)
        self.assertEqual(self.query("SELECT count(*) FROM trials"), [(0,)])
        self.assertEqual(self.ninety("check", "--db", self.db).returncode, 0)
        kept = self.ninety("sql", "--db", copy, "SELECT count(*) FROM trials")
        self.assertIn("2", kept.stdout)

    def test_a_backup_that_is_interrupted_leaves_no_half_file(self):
        half, begun = self.folder / "half.db", self.folder / "begun"
        shell = self.folder / "sqlite3"  # a copy that takes for ever
        shell.write_text(f"#!/bin/sh\ntouch '{begun}'\nexec sleep 600\n")
        shell.chmod(0o755)
        path = f"PATH={self.folder}:{os.environ['PATH']}"
        backup = self.start("env", path, NINETY, "backup", "--db", self.db, half)
        until(begun.exists, "the copy to begin")
        self.assertEqual(len(list(self.folder.glob("half.db*"))), 1)
        backup.send_signal(signal.SIGINT)
        _, errors = backup.communicate(timeout=30)
        self.assertEqual(backup.returncode, 130)
        self.assertIn("could not be copied", errors)
        self.assertEqual(list(self.folder.glob("half.db*")), [])


if __name__ == "__main__":
    unittest.main()
