"""The programs on a database that an earlier version has left in the middle of its work; what the
upgrade does to every row is tested in test_schema_upgrade.c."""
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

from daemon import Daemon, wait_until
from worker import Worker

ROOT = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"])
NINETY = os.environ["NINETY"]
APPLICATION_ID = 0x4e4e5459
SCHEMA_2 = ["schema/001_base.sql", "tests/upgrade/001.sql", "schema/002_guards.sql"]


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        database = sqlite3.connect(self.folder / "ninety.db")
        for path in SCHEMA_2:
            database.executescript((ROOT / path).read_text(encoding="utf-8"))
        database.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2")
        database.close()

    def check(self):
        done = subprocess.run([NINETY, "check", "--db", self.folder / "ninety.db"], timeout=60,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a6_an_older_database_is_not_called_damaged(self):
        done = subprocess.run([NINETY, "check", "--db", self.folder / "ninety.db"], timeout=60,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("its schema is 2", done.stderr)
        self.assertIn("ninetyd --db", done.stderr)
        self.assertNotIn("damaged", done.stderr)

    def test_its_results_stay_and_its_work_is_finished(self):
        with Daemon("--lease", "1", folder=self.folder) as daemon:
            self.check()
            before = [t for t in daemon.get("/v1/results")["results"] if t["state"] == "succeeded"]
            self.assertEqual([t["steps_to_target"] for t in before], [13, None, 3])
            self.assertEqual(daemon.get("/v1/trials/1")["config"]["hidden_units"], [500, 400])
            worker = Worker(daemon.url, trainer=None)
            self.addCleanup(worker.close)
            wait_until(lambda: daemon.get("/v1/sweeps/2")["state"] == "finished", "the sweep's end", 60)
            self.check()
            after = daemon.get("/v1/results")["results"]
            for trial in before:
                self.assertIn(trial, after)
            # Trial 6 ran on a worker that is no more: its lease ended, and it was trained again.
            self.assertEqual([(t["state"], t["attempts"]) for t in after if t["sweep"] == 2],
                             [("succeeded", 3), ("succeeded", 2), ("succeeded", 2), ("succeeded", 1)])
            steps = [m["step"] for m in daemon.get("/v1/trials/8/measurements")["measurements"]]
            self.assertEqual(steps[-1], 20)
            self.assertFalse({1, 2, 4} & set(steps) - {after[7]["steps_to_target"]})


if __name__ == "__main__":
    unittest.main()
