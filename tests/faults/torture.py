"""Kills, freezes and garbles a daemon and its workers in the middle of sweeps, then checks that
nothing was lost, doubled or changed.

First one undisturbed run of a sweep is the reference. Then copies of that sweep are trained while
faults strike; afterwards each trial must have ended exactly once, with the steps and the weights
hash of the reference, and everything the daemon ever acknowledged must be in the database."""
import collections
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

from daemon import Daemon, wait_until
from proxy import FAULTS, Proxy

NINETY_WORKER = os.environ["NINETY_WORKER"]
LEASE_S = 1.5
SWEEP = {"name": "torture", "replicates": 3, "max_attempts": 100,
         "base": {"dataset": "synthetic-digits", "width": 16, "batch_size": 64, "max_steps": 60,
                  "stop_at_target": False},
         "parameters": {"depth": [1, 3], "batch_norm": ["none", "before"]}}
RATES = {"request lost": 0.03, "request cut": 0.03, "answer lost": 0.03, "answer cut": 0.03,
         "doubled": 0.06, "delayed": 0.15}
EVERY_THIRD = 3  # sweep takes over earlier results where there are some
RESULTS = """SELECT cell, replicate, state, steps, weights_sha256, attempts FROM results
             WHERE sweep = ? ORDER BY cell, replicate"""


class Worker:
    """A ninety-worker that can be killed, frozen and started again."""

    def __init__(self, url, folder, name):
        self.url, self.log, self.process = url, folder / f"{name}.log", None
        self.frozen = False
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [NINETY_WORKER, "--daemon", self.url, "--slots", "1", "--no-pin",
                 "--die-with-parent"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.frozen = False

    def freeze(self, seconds):
        process = self.process
        process.send_signal(signal.SIGSTOP)
        self.frozen = True

        def thaw():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            if process is self.process:
                self.frozen = False

        threading.Timer(seconds, thaw).start()


def marked(mark):
    """Processes that still carry this environment variable, but for this one."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in environment and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


class Torture:
    def __init__(self, seed, say=print, n_workers=3, unfinished=24):
        self.seed, self.say, self.n_workers, self.unfinished = seed, say, n_workers, unfinished
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.violations = []
        self.keys = []

    # ---- the reference ----

    def reference(self):
        """(cell, replicate) -> (steps, weights hash) of a run that nobody disturbs."""
        with Daemon() as daemon:
            worker = Worker(daemon.url, daemon.folder, "worker")
            sweep = daemon.post("/v1/sweeps", SWEEP)["id"]
            try:
                wait_until(lambda: daemon.get(f"/v1/sweeps/{sweep}")["state"] == "finished",
                           "the undisturbed run", 180)
            finally:
                worker.kill()
            database = sqlite3.connect(daemon.folder / "ninety.db")
            rows = database.execute(RESULTS, (sweep,)).fetchall()
            database.close()
        assert all(row[2] == "succeeded" for row in rows), rows
        return {(cell, replicate): (steps, sha) for cell, replicate, _, steps, sha, _ in rows}

    # ---- the faults ----

    def submit(self):
        """With a key: a submission whose answer was lost is repeated, and makes one sweep."""
        key = f"torture-{len(self.keys)}"
        sweep = dict(SWEEP, reuse=len(self.keys) % EVERY_THIRD == EVERY_THIRD - 1)
        for _ in range(200):
            try:
                answer = self.daemon.call("POST", "/v1/sweeps", sweep, {"Idempotency-Key": key})
                if answer.status in (200, 201):
                    self.keys.append(key)
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("no sweep can be submitted any more")

    def n_unfinished(self):
        try:
            sweeps = self.daemon.get("/v1/sweeps?limit=1000")["sweeps"]
            return sum(s["queued"] + s["running"] for s in sweeps)
        except (OSError, AssertionError, json.JSONDecodeError):
            return self.unfinished

    def kill_daemon(self):
        self.daemon.kill()
        time.sleep(self.random.choice([0, 0, 0.1, 0.4]))
        self.daemon.restart()

    def freeze_daemon(self):
        self.daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, LEASE_S))
        self.daemon.process.send_signal(signal.SIGCONT)

    def stop_daemon(self):
        status = self.daemon.stop()
        if status != 0:
            self.violations.append(f"the daemon stopped with {status}")
        self.daemon.restart()

    def kill_worker(self):
        worker = self.random.choice(self.workers)
        worker.kill()
        worker.start()

    def stop_worker(self):
        worker = self.random.choice([w for w in self.workers if not w.frozen] or self.workers)
        worker.process.send_signal(signal.SIGCONT)
        worker.process.send_signal(signal.SIGTERM)
        worker.process.wait(30)
        worker.start()

    def freeze_worker(self):
        self.random.choice(self.workers).freeze(LEASE_S * self.random.uniform(1.2, 2))

    FAULTS = {"daemon killed": (kill_daemon, 5), "daemon frozen": (freeze_daemon, 1),
              "daemon stopped": (stop_daemon, 1), "worker killed": (kill_worker, 6),
              "worker stopped": (stop_worker, 2), "worker frozen past its lease": (freeze_worker, 2)}

    def strike(self):
        names = list(self.FAULTS)
        name = self.random.choices(names, [self.FAULTS[n][1] for n in names])[0]
        self.FAULTS[name][0](self)
        self.counts[name] += 1

    # ---- the run ----

    def run(self, seconds):
        os.environ["NINETY_TORTURE"] = f"{os.getpid()}-{self.seed}"  # inherited by all we start
        expected = self.reference()
        self.say(f"seed {self.seed}: reference of {len(expected)} trials is there")
        with tempfile.TemporaryDirectory(prefix="ninety-torture-") as folder:
            self.daemon = Daemon("--lease", str(LEASE_S), folder=folder)
            self.proxy = Proxy(self.daemon.port, RATES, self.seed)
            self.workers = [Worker(self.proxy.url, pathlib.Path(folder), f"worker-{i}")
                            for i in range(self.n_workers)]
            try:
                self.storm(time.monotonic() + seconds)
                self.calm()
            finally:
                for worker in self.workers:
                    worker.kill()
                self.proxy.close()
            if self.daemon.stop() != 0:
                self.violations.append("the daemon did not stop well")
            self.check_processes()
            self.check(pathlib.Path(folder), expected)
        self.counts.update(self.proxy.counts)
        return not self.violations

    def storm(self, deadline):
        report_at = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.n_unfinished() < self.unfinished:
                self.submit()
            time.sleep(self.random.uniform(0.02, 0.5))
            self.strike()
            if time.monotonic() > report_at:
                report_at += 30
                self.say(f"{sum(self.counts.values())} faults, {len(self.keys)} sweeps")

    def calm(self):
        self.proxy.calm()
        for worker in self.workers:
            worker.process.send_signal(signal.SIGCONT)
            if worker.process.poll() is not None:
                self.violations.append(f"a worker ended by itself: {worker.process.returncode}")
                worker.start()
        wait_until(lambda: self.n_unfinished() == 0, "the sweeps to be finished", 180)

    # ---- what must be true ----

    def check_processes(self):
        mark = f"NINETY_TORTURE={os.environ['NINETY_TORTURE']}"
        try:
            wait_until(lambda: not marked(mark), "the trainers to end with their workers", 10)
        except AssertionError:
            self.violations.append(f"processes left behind: {marked(mark)}")

    def check(self, folder, expected):
        database = sqlite3.connect(folder / "ninety.db")
        self.check_results(database, expected)
        self.check_acknowledged(database)
        rules = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"], "schema", "check.sql")
        if rules.exists():
            for rule in database.execute(rules.read_text()):
                self.violations.append(f"rule broken: {rule}")
        for pragma in ("integrity_check", "foreign_key_check"):
            rows = database.execute(f"PRAGMA {pragma}").fetchall()
            if rows not in ([], [("ok",)]):
                self.violations.append(f"{pragma}: {rows[:3]}")
        database.close()

    def check_results(self, database, expected):
        sweeps = [row[0] for row in database.execute("SELECT id FROM sweeps ORDER BY id")]
        if len(sweeps) != len(self.keys):
            self.violations.append(f"{len(self.keys)} sweeps submitted, {len(sweeps)} stored")
        for sweep in sweeps:
            rows = database.execute(RESULTS, (sweep,)).fetchall()
            if [row[:2] for row in rows] != sorted(expected):
                self.violations.append(f"sweep {sweep} has other trials than it should: {rows}")
            for cell, replicate, state, steps, sha, attempts in rows:
                self.counts["trials"] += 1
                self.counts["attempts"] += attempts
                if (state, steps, sha) != ("succeeded", *expected.get((cell, replicate), ())):
                    self.violations.append(f"sweep {sweep} cell {cell} replicate {replicate}: "
                                           f"{state} {steps} {sha}")
        taken = database.execute("SELECT s.reuse, count(*) FROM results r JOIN sweeps s ON "
                                 "s.id = r.sweep WHERE r.reused_from IS NOT NULL GROUP BY 1")
        for reuse, n in taken:
            self.counts["results taken over"] += n
            if not reuse:
                self.violations.append(f"{n} results taken over by sweeps that did not ask")
        doubled = database.execute("SELECT trial FROM attempts WHERE state = 'succeeded' GROUP BY "
                                   "trial HAVING count(*) > 1").fetchall()
        if doubled:
            self.violations.append(f"trials that succeeded twice: {doubled}")

    def check_acknowledged(self, database):
        acknowledged = self.proxy.acknowledged
        ends = {(t, a): sha for t, a, sha in database.execute(
            "SELECT trial, attempt, weights_sha256 FROM attempts WHERE state = 'succeeded'")}
        for lease, sha in acknowledged.ends.items():
            if ends.get(lease) != sha:
                self.violations.append(f"acknowledged, but lost: the end of {lease}")
        stored = set(database.execute("SELECT trial, attempt, step FROM measurements"))
        lost = acknowledged.measurements - stored
        if lost:
            self.violations.append(f"acknowledged, but lost: {len(lost)} measurements, such as "
                                   f"(trial, attempt, step) {sorted(lost)[0]}")
        self.counts["acknowledged ends"] = len(acknowledged.ends)
        self.counts["acknowledged measurements"] = len(acknowledged.measurements)

    def summary(self):
        lines = [f"seed {self.seed}"]
        for name in (*self.FAULTS, *FAULTS, "trials", "attempts", "results taken over",
                     "acknowledged ends", "acknowledged measurements"):
            lines.append(f"{self.counts[name]:8}  {name}")
        lines.append(f"{len(self.violations):8}  violations")
        lines += [f"  {v}" for v in self.violations[:20]]
        return "\n".join(lines)
