"""A11: what CSV exports hold: the numbers of the database as they are, and no formula of a stranger."""
import csv
import io
import os
import sqlite3
import subprocess
import unittest

from daemon import Daemon

NINETY = os.environ["NINETY"]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\", \"a,b\")", "-2 + 3, \"x\""]


def shown(value):
    """A value of the database as its cell must be."""
    if isinstance(value, str):
        return "'" + value if value[:1] in "=+-@\t" and value else value
    return value


class Csv(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.worker = self.daemon.worker(host="-host")
        for name in [*FORMULAS, "plain"]:
            self.train(name)

    def train(self, name):
        """A trial with negative numbers, large and small, and one that failed for a reason like a formula."""
        self.daemon.sweep(2, name=name, max_attempts=1)
        one, two = self.daemon.post("/v1/claims", {"worker": self.worker, "max": 2})["claims"]
        done = {"trial": one["trial"], "attempt": 1,
                "measurements": [{"step": 1, "test_accuracy": 0.25, "train_loss": -2.5, "cpu_ms": 0.1,
                                  "wall_ms": 1e-7}],
                "layers": [{"step": 1, "layer": 0, "preactivation_mean": -1.5e-9,
                            "gradient_rms": 1e300}],
                "done": {"steps": 3, "final_accuracy": 0.1, "final_loss": -1e-300,
                         "kernel": "=kernel", "trainer": "+trainer"}}
        failed = {"trial": two["trial"], "attempt": 1, "failed": {"reason": name, "retry": False}}
        answer = self.daemon.post("/v1/reports", {"worker": self.worker, "reports": [done, failed]})
        self.assertEqual([r["status"] for r in answer["results"]], ["ok", "ok"])

    def compare(self, text, view):
        database = sqlite3.connect(f"file:{self.daemon.folder}/ninety.db?mode=ro", uri=True)
        header, *rows = list(csv.reader(io.StringIO(text, newline="")))
        kept = database.execute(f"SELECT {', '.join(header)} FROM {view}").fetchall()
        database.close()
        self.assertGreater(len(kept), len(FORMULAS))
        read = []
        for row, values in zip(rows, kept, strict=True):
            read.append([])
            for cell, value in zip(row, values, strict=True):
                if isinstance(value, (int, float)):
                    read[-1].append(type(value)(cell))
                elif value is None:
                    self.assertEqual(cell, "")
                    read[-1].append(None)
                else:
                    self.assertNotIn(cell[:1], {*"=+-@\t"})
                    read[-1].append(cell)
        self.assertEqual(sorted(map(repr, read)),
                         sorted(repr([shown(value) for value in values]) for values in kept))

    def test_a11_the_daemons_exports_read_back_as_the_database(self):
        for view in ("results", "summary", "curves"):
            answer = self.daemon.call("GET", f"/v1/{view}?format=csv")
            self.compare(answer.body.decode(), view)

    def test_a11_the_clients_exports_read_back_as_the_database(self):
        for command, view in (("results", "results"), ("summary", "summary")):
            done = subprocess.run([NINETY, command, "--all", "--format", "csv", "--daemon", self.daemon.url],
                                  capture_output=True, text=True, timeout=60, check=True)
            self.compare(done.stdout.replace("\r\n", "\n"), view)
        done = subprocess.run([NINETY, "status", "--format", "csv", "--daemon", self.daemon.url],
                              capture_output=True, text=True, timeout=60, check=True)
        for row in csv.reader(io.StringIO(done.stdout)):
            self.assertNotIn(row[1][:1], {*"=+-@"})

    def test_a11_an_old_name_reaches_no_terminal(self):
        """Names that were let in by earlier versions, or written past the daemon."""
        path = self.daemon.folder / "ninety.db"
        database = sqlite3.connect(path)
        database.execute("UPDATE sweeps SET name = ? WHERE id = 1", ("\x1b[2J\u202eevil\u0007",))
        database.commit()
        database.close()
        done = subprocess.run([NINETY, "status", "--daemon", self.daemon.url], capture_output=True,
                              text=True, timeout=60, check=True)
        self.assertIn("?[2J?evil?", done.stdout)
        for character in "\x1b\u202e\u0007":
            self.assertNotIn(character, done.stdout)


if __name__ == "__main__":
    unittest.main()
