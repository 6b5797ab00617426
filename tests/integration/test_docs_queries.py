"""B7: every query that the docs propose, on a file with five sweeps."""
import collections
import os
import pathlib
import re
import sqlite3
import subprocess
import unittest

from five_sweeps import SWEEPS, FiveSweeps

ROOT = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"])
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Between two arms of a comparison only these may differ.
ARM = {"batch_norm", "batch_norm_output"}


def queries_of(text):
    """Indented blocks that begin with SELECT or WITH, and what is given to a shell in quotes."""
    found = []
    for block in re.split(r"\n(?:\s*\n)+", text):
        lines = block.strip("\n").split("\n")
        if all(line.startswith("    ") for line in lines) and re.match(r" +(SELECT|WITH) ", lines[0]):
            found.append("\n".join(lines).strip())
    found += re.findall(r"""(?:sqlite3 -readonly \S+|ninety sql) "([^"]+)\"""", text)
    return found + re.findall(r"""ninety sql '([^']+)'""", text)


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.five = FiveSweeps()
        cls.addClassCleanup(cls.five.close)
        cls.database = sqlite3.connect(f"file:{cls.five.path}?mode=ro", uri=True)
        cls.addClassCleanup(cls.database.close)
        cls.queries = {(page.name, query): query for page in PAGES
                       for query in queries_of(page.read_text(encoding="utf-8"))}

    def rows(self, sql):
        cursor = self.database.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]

    def proposed(self, *words):
        """The one query of the docs that has these words."""
        found = [q for (page, _), q in self.queries.items()
                 if page == "results.md" and all(word in q for word in words)]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def configuration(self):
        """The columns of `results` that are the configuration."""
        names = [row["name"] for row in self.rows("SELECT name FROM pragma_table_info('cell_configs')")]
        return [name for name in names if name not in ("id", "sweep", "cell", "depth", "width")]

    def test_b7_the_file_is_as_varied_as_the_queries_need(self):
        self.assertEqual(len(self.rows("SELECT DISTINCT sweep FROM results")), len(SWEEPS))
        outcomes = {row["outcome"] for row in self.rows("SELECT outcome FROM results")}
        self.assertLessEqual({"reached", "censored", "diverged", "failed"}, outcomes)
        late = self.rows("SELECT * FROM results WHERE outcome = 'reached' AND state = 'failed'")
        self.assertGreater(len(late), 0)
        done = subprocess.run([os.environ["NINETY"], "check", "--db", self.five.path], text=True,
                              capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_b7_every_query_runs_and_answers(self):
        self.assertGreaterEqual(len(self.queries), 12)
        for (page, _), query in self.queries.items():
            with self.subTest(page=page, query=query):
                self.assertGreater(len(self.rows(query)), 0)

    def test_b7_every_figure_is_of_one_sweep(self):
        """A query of the docs names one sweep, or says of which each row is, or asks for trials."""
        for (page, _), query in self.queries.items():
            with self.subTest(page=page, query=query):
                names = self.rows(query)[0].keys()
                self.assertTrue(re.search(r"\bsweep = \d", query) or {"sweep", "trial"} & names
                                or "runs" in names, "rows of several sweeps are mixed")

    def test_b7_pairs_are_of_one_sweep_and_differ_in_the_arm_only(self):
        same = [name for name in self.configuration() if name not in ARM]
        arms = collections.defaultdict(set)
        for row in self.rows("SELECT * FROM results WHERE outcome IN ('reached', 'censored', 'diverged')"):
            key = (row["sweep"], row["seed"], *(row[name] for name in same))
            arms[key].add((row["batch_norm"], row["steps_to_target"]))
        pairs = sorted(str((key[0], key[1], dict(arm)["none"], dict(arm)["before"]))
                       for key, arm in arms.items() if len(arm) == 2)
        query = self.proposed("a.batch_norm = 'none'")
        got = sorted(str((row["sweep"], row["seed"], row["none"], row["before"])) for row in self.rows(query))
        self.assertEqual(got, pairs)

    def test_b7_runs_of_the_same_trial_are_those_of_equal_identity(self):
        runs = collections.defaultdict(list)
        for row in self.rows("SELECT * FROM results WHERE state = 'succeeded' AND reused_from IS NULL"):
            key = [row[name] for name in self.configuration()]
            runs[(*key, row["seed"], row["kernel"], row["trainer"], row["data_sha256"])].append(row)
        several = [group for group in runs.values() if len(group) > 1]
        self.assertGreater(len(several), 0)
        query = self.proposed("DISTINCT weights_sha256")
        got = self.rows(query)
        self.assertEqual(sorted(row["runs"] for row in got), sorted(len(group) for group in several))
        self.assertEqual({row["hashes"] for row in got}, {1}, "different trials are taken for runs of one")


if __name__ == "__main__":
    unittest.main()
