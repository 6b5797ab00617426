"""What the integration tests share: the programs, run in a folder of their own."""
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import unittest

NINETY = os.environ.get("NINETY", "ninety")
SOURCE_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NINETYD = os.environ.get("NINETYD", "ninetyd")
# A network and data so small that a trial takes a few hundredths of a second.
TINY = ["--dataset", "synthetic-digits", "--width", "16", "--train-size", "2000", "--batch-size", "100",
        "--max-steps", "20"]
PATIENCE_S = 60


def environment(**more):
    keep = {k: v for k, v in os.environ.items() if k not in ("NINETY_DAEMON", "NINETY_TOKEN")}
    return {**keep, "LC_ALL": "C.UTF-8", **more}


def until(condition, what):
    """Waits for a condition; the tests know of no other time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s for {what}")


def processes_naming(text):
    """Pids of the living processes with `text` in their command line, this one left out."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def descendants(pid):
    """Pids of all children of a process, and theirs."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        more = children.get(todo.pop(), [])
        found += more
        todo += more
    return found


class Programs(unittest.TestCase):
    def setUp(self):
        self.keep = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.keep.name)
        self.db = self.folder / "test.db"
        self.started = []

    def tearDown(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.keep.cleanup()

    def ninety(self, *words, stdin="", **more):
        """Runs `ninety` to its end."""
        return subprocess.run([NINETY, *map(str, words)], input=stdin, capture_output=True, text=True,
                              cwd=self.folder, env=environment(**more), timeout=PATIENCE_S)

    def start(self, *words, **more):
        process = subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, cwd=self.folder, env=environment(), **more)
        self.started.append(process)
        return process

    def start_daemon(self, *words, listen="127.0.0.1:0"):
        """A ninetyd, on a free port if none is named; its URL."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        daemon = self.start(NINETYD, "--listen", listen, "--port-file", port_file, "--db", self.db, *words)
        port = until(lambda: port_file.exists() and port_file.read_text().strip(), "the port file")
        return daemon, f"http://127.0.0.1:{port}"

    def query(self, sql):
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def count(self, state):
        """Trials in a state; 0 while there is no database yet."""
        try:
            return self.query(f"SELECT count(*) FROM results WHERE state = '{state}'")[0][0]
        except sqlite3.OperationalError:
            return 0
