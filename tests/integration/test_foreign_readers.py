"""Other people's programs read the views: the figures are compared, not the types alone. Each is
skipped by name where PyPI is not reached. E4: DuckDB runs the views' SQL itself; E5: Datasette
binds text; E6: polars takes types from the first rows."""
import json
import math
import os
import pathlib
import re
import sqlite3
import subprocess
import textwrap
import unittest

import foreign
from five_sweeps import FiveSweeps

KEYS = {"summary": "sweep, cell", "results": "trial", "curves": "trial, step", "layers": "trial, step, layer"}
# The extension's PyPI package is of one version of DuckDB.
DUCKDB = ["duckdb==1.5.5", "duckdb-extensions==1.5.5", "duckdb-extension-sqlite-scanner==1.5.5"]

DUCKDB_READS = """
import json, sys, duckdb
from duckdb_extensions import import_extension
import_extension("sqlite_scanner")
duckdb.execute("LOAD sqlite_scanner")
duckdb.execute(f"ATTACH '{sys.argv[1]}' AS n (TYPE sqlite, READ_ONLY)")
answer = {}
for view, key in json.loads(sys.argv[2]).items():
    read = duckdb.execute(f"SELECT * FROM n.{view} ORDER BY {key}")
    names, types = [d[0] for d in read.description], [str(d[1]) for d in read.description]
    answer[view] = {"names": names, "types": types, "rows": [list(row) for row in read.fetchall()]}
json.dump(answer, sys.stdout)
"""

POLARS_READS = """
import json, sqlite3, sys, polars
path, key = sys.argv[1], json.loads(sys.argv[2])
file = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
def show(frame):
    return {"names": frame.columns, "rows": [list(row) for row in frame.rows()],
            "types": [str(t) for t in frame.dtypes]}
answer = {}
for view, by in key.items():
    query = f"SELECT * FROM {view} ORDER BY {by}"
    answer["adbc " + view] = show(polars.read_database_uri(query, f"sqlite:///file:{path}?mode=ro", engine="adbc"))
    answer["file " + view] = show(polars.read_database(query, file, infer_schema_length=None))
answer["csv results"] = show(polars.read_csv(sys.argv[3], infer_schema_length=None))
json.dump(answer, sys.stdout)
"""

NUMPY_QUARTILES = """
import json, sys, numpy
def quantile(values, q):
    v = numpy.array([numpy.inf if x is None else x for x in values], dtype=float)
    ends = [numpy.quantile(v, q, method=m) for m in ("lower", "higher")]
    finite = numpy.where(numpy.isinf(v), 1e9, v)  # 0 * inf is no number
    return None if numpy.isinf(ends).any() else float(numpy.quantile(finite, q, method="linear"))
cells = json.load(sys.stdin)
json.dump([[[quantile(v, q) for q in (0.25, 0.5, 0.75)] if v else [None] * 3 for v in cell]
           for cell in cells], sys.stdout)
"""


class Reader(unittest.TestCase):
    packages = []
    five = None  # the same for all

    @classmethod
    def setUpClass(cls):
        cls.python = foreign.python(*cls.packages)
        if Reader.five is None:
            Reader.five = FiveSweeps()
            unittest.addModuleCleanup(Reader.five.close)

    def run_python(self, script, *arguments, **more):
        done = subprocess.run([self.python, "-c", script, *map(str, arguments)], capture_output=True,
                              text=True, check=False, timeout=100, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def sqlite(self, query):
        database = sqlite3.connect(f"file:{self.five.path}?mode=ro", uri=True)
        self.addCleanup(database.close)
        return database.execute(query)

    def expect_view(self, view, got):
        """What sqlite3 reads: every row and column."""
        cursor = self.sqlite(f"SELECT * FROM {view} ORDER BY {KEYS[view]}")
        self.assertEqual(got["names"], [column[0] for column in cursor.description])
        expected = cursor.fetchall()
        self.assertEqual(len(got["rows"]), len(expected))
        for mine, theirs in zip(expected, got["rows"]):
            for name, a, b in zip(got["names"], mine, theirs):
                near = isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-12)
                self.assertTrue(near or (a == b and type(a) is type(b)), f"{view}.{name}: {a!r}, but {b!r}")


class DuckDB(Reader):
    packages = DUCKDB

    def test_e4_its_attach_reads_the_same_figures(self):
        answer = self.run_python(DUCKDB_READS, self.five.path, json.dumps(KEYS))
        for view in KEYS:
            self.expect_view(view, answer[view])
        types = {view: dict(zip(got["names"], got["types"])) for view, got in answer.items()}
        for view, name, expected in (("summary", "depth", "BIGINT"), ("summary", "n", "BIGINT"),
                                     ("summary", "median_steps", "DOUBLE"), ("results", "seed", "BIGINT"),
                                     ("results", "outcome", "VARCHAR"), ("layers", "gradient_rms", "DOUBLE")):
            self.assertEqual(types[view][name], expected, f"{view}.{name}")


class Datasette(Reader):
    packages = ["datasette==0.65.5", "setuptools<81"]

    def get(self, path):
        done = subprocess.run([self.python, "-m", "datasette", "--get", path, self.five.path], text=True,
                              capture_output=True, check=False, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_e5_a_click_on_a_value_finds_its_rows(self):
        for column, value in (("seed", 1), ("seed", 2**53 + 1), ("depth", 7), ("steps_to_target", None),
                              ("reached", 0), ("outcome", "diverged"), ("width", 500)):
            expected = self.sqlite("SELECT count(*) FROM results WHERE " + (
                f"{column} IS NULL" if value is None else f"{column} = {value!r}")).fetchone()[0]
            self.assertGreater(expected, 0)
            asked = f"{column}__isnull=1" if value is None else f"{column}={value}"
            rows = self.get(f"/ninety/results.json?{asked}&_size=max&_shape=array&_labels=off")
            self.assertEqual(len(rows), expected, asked)
        for column in ("n", "reached", "censored", "failed", "pending"):
            value = self.sqlite(f"SELECT max({column}) FROM summary").fetchone()[0]
            self.assertTrue(self.get(f"/ninety/summary.json?{column}={value}&_shape=array"), column)


class Polars(Reader):
    packages = ["polars==2.1.0", "adbc-driver-sqlite==1.13.0", "pyarrow==26.0.1"]

    def test_e6_it_reads_the_file_and_the_csv(self):
        csv = self.five.folder / "results.csv"
        csv.write_text(self.five.csv["results"], encoding="utf-8", newline="")
        answer = self.run_python(POLARS_READS, self.five.path, json.dumps(KEYS), csv)
        for view in KEYS:
            self.expect_view(view, answer[f"adbc {view}"])
            self.expect_view(view, answer[f"file {view}"])
        read = answer["csv results"]
        units = [row[read["names"].index("hidden_units")] for row in read["rows"]]
        # No hidden layer is an empty field, which CSV does not tell from a missing one.
        self.assertEqual(units, [row[0] or None for row in
                                 self.sqlite("SELECT hidden_units FROM results ORDER BY trial")])


class Page(Reader):
    packages = ["pandas==3.1.1", *DUCKDB[:1], *Polars.packages]

    def test_e6_the_python_of_docs_read_with_runs(self):
        page = (pathlib.Path(os.environ["NINETY_SOURCE_ROOT"]) / "docs/read-with.md").read_text("utf-8")
        (self.five.folder / "trials.csv").write_text(self.five.csv["results"], encoding="utf-8", newline="")
        scripts = [textwrap.dedent(block) for block in
                   re.findall(r"(?:^    import .*\n(?:(?:    .*)?\n)*)", page, re.MULTILINE)]
        self.assertEqual(len(scripts), 4)
        for script in scripts:
            if "INSTALL" in script:
                continue  # comes from another place than PyPI; see DuckDB above
            done = subprocess.run([self.python, "-c", script], cwd=self.five.folder, capture_output=True,
                                  text=True, check=False, timeout=100)
            self.assertEqual(done.returncode, 0, script + done.stderr)


class Numpy(Reader):
    packages = ["numpy==2.4.6"]

    def test_c1_quartiles_are_those_of_numpy(self):
        cells = {}
        for sweep, cell, steps, seconds in self.sqlite(
                "SELECT sweep, cell, steps_to_target, seconds_to_target FROM results"
                " WHERE outcome IN ('reached', 'censored', 'diverged')"):
            cells.setdefault((sweep, cell), ([], []))
            cells[sweep, cell][0].append(steps)
            cells[sweep, cell][1].append(seconds)
        expected = dict(zip(cells, self.run_python(NUMPY_QUARTILES, input=json.dumps(list(cells.values())))))
        seen = 0
        for sweep, cell, n, *got in self.sqlite("SELECT sweep, cell, n, q1_steps, median_steps, q3_steps,"
                                                " median_seconds FROM summary"):
            if n == 0:
                self.assertEqual(got, [None] * 4)
                continue
            steps, seconds = expected[sweep, cell]
            self.assertEqual(n, len(cells[sweep, cell][0]))
            for a, b in zip(got, [*steps, seconds[1]]):
                self.assertTrue(a == b or math.isclose(a, b, rel_tol=1e-12), f"{sweep}.{cell}: {a}, {b}")
            seen += got[0] is not None and got[2] is None
        self.assertGreater(seen, 0)  # a cell whose upper quartile is beyond every number


if __name__ == "__main__":
    foreign.main()
