#!/usr/bin/env python3
"""The queue under load: a load generator speaks the worker protocol over HTTP to a real ninetyd.

Prints a table, and with --json one line of JSON. Every trial is claimed, measured and done, and each
step is on disk (synchronous=FULL) before its answer. Rivals, where Debian has them: beanstalkd with
an fsync at every write, and Optuna on SQLite. Disks and neighbours differ: the ratios count, and all
that is compared runs here, one after the other, on the same file system.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOAD = BUILD / "bench" / "bench-queue-load"


class Daemon:
    def __init__(self, directory):
        self.db = f"{directory}/ninety.db"
        port_file = f"{directory}/port"
        self.process = subprocess.Popen(
            [BUILD / "daemon" / "ninetyd", "--listen", "127.0.0.1:0", "--db", self.db,
             "--port-file", port_file], stderr=subprocess.DEVNULL)
        while not os.path.exists(port_file):
            time.sleep(0.02)
        self.port = int(open(port_file).read())

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def submit(self, trials, **more):
        return self.call("POST", "/v1/sweeps", grid(trials) | more)["id"]

    def ask(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchone()[0]

    def wait_expanded(self):
        while self.ask("SELECT sum(trials - expanded) FROM sweeps"):
            time.sleep(0.01)

    def load(self, mode, **numbers):
        return json.loads(subprocess.run(
            [LOAD, mode, str(self.port), *(f"{k}={v}" for k, v in numbers.items())],
            stdout=subprocess.PIPE, check=True).stdout)

    def memory_mib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0


@contextlib.contextmanager
def daemon():
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        d = Daemon(directory)
        try:
            yield d
        finally:
            d.process.terminate()
            d.process.wait()


def grid(trials):
    """A sweep of so many trials, in cells of one where it is a million."""
    if trials == 1_000_000:
        values = [round(0.001 + i * 1e-6, 9) for i in range(1000)]
        return {"base": {"depth": 3}, "parameters": {"learning_rate": values, "momentum": values}}
    return {"base": {"depth": 3}, "replicates": min(trials, 100_000)}


# ---- what is measured ----

def trials(seconds, queued=None):
    """Trials per second with about `queued` waiting all the time; None = as many as can be needed."""
    with daemon() as d:
        for _ in range({1000: 0, 1_000_000: 10}.get(queued, 6)):
            d.submit(100_000)
        d.wait_expanded()
        more = {"queued": queued} if queued == 1000 else {}
        return d.load("trials", seconds=seconds, **more)["trials_per_s"]


def rows(seconds):
    with daemon() as d:
        d.submit(1000)
        return d.load("rows", seconds=seconds, connections=16, slots=8, rows=64)["rows_per_s"]


def big_sweep(seconds):
    """A million cells are submitted while others claim: time to 201, to the last trial, worst claim."""
    with daemon() as d:
        for _ in range(3):
            d.submit(100_000, priority=1)
        d.wait_expanded()
        others = {}
        loader = threading.Thread(target=lambda: others.update(
            d.load("trials", seconds=seconds, connections=4)))
        loader.start()
        time.sleep(1)
        start = time.monotonic()
        d.submit(1_000_000)
        accepted = time.monotonic() - start
        d.wait_expanded()
        expanded = time.monotonic() - start
        loader.join()
        return accepted, expanded, others["slowest_claim_ms"]


def waiting(workers):
    """So many workers in a long poll: memory, and the time until each holds a trial."""
    with daemon() as d:
        loader = subprocess.Popen([LOAD, "wait", str(d.port), f"connections={workers}"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        loader.stdout.readline()
        memory = d.memory_mib()
        out, _ = loader.communicate("\n")
        return memory, json.loads(out)["seconds"]


def reader(seconds):
    """Trials per second with and without someone who reads everything all the time."""
    with daemon() as d:
        for _ in range(6):
            d.submit(100_000)
        d.wait_expanded()
        alone = d.load("trials", seconds=seconds)["trials_per_s"]
        heavy = subprocess.Popen(
            ["nice", "sqlite3", "-readonly", d.db, *["SELECT sum(length(hidden_units)), avg(steps),"
             " avg(final_accuracy) FROM results"] * 1000],
            stdout=subprocess.DEVNULL)
        beside = d.load("trials", seconds=seconds)["trials_per_s"]
        heavy.kill()
        heavy.wait()
        return beside / alone


def beanstalkd(seconds):
    if not shutil.which("beanstalkd"):
        return None
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen(["beanstalkd", "-l", "127.0.0.1", "-p", str(port),
                                   "-b", directory, "-f", "0"])
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.05)
            return json.loads(subprocess.run(
                [LOAD, "beanstalk", str(port), f"seconds={seconds}"], stdout=subprocess.PIPE,
                check=True).stdout)["trials_per_s"]
        finally:
            server.terminate()
            server.wait()


def optuna(seconds):
    try:
        import optuna as rival
    except ImportError:
        return None
    rival.logging.set_verbosity(rival.logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        study = rival.create_study(storage=f"sqlite:///{directory}/optuna.db",
                                   sampler=rival.samplers.RandomSampler())
        start, n = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            trial = study.ask()
            for name in "abc":
                trial.suggest_float(name, 0, 1)
            for step in range(4):
                trial.report(0.5, step)
            study.tell(trial, 0.9)
            n += 1
        return n / (time.monotonic() - start)


# ---- the table ----

def measure(seconds, say):
    say("trials")
    found = {"trials_per_s": trials(seconds)}
    say("beanstalkd")
    found["beanstalkd_per_s"] = beanstalkd(seconds)
    say("optuna")
    found["optuna_per_s"] = optuna(seconds)
    say("measurement rows")
    found["rows_per_s"] = rows(seconds)
    say("a thousand and a million queued")
    found["thousand_queued_per_s"] = trials(seconds, 1000)
    found["million_queued_per_s"] = trials(seconds, 1_000_000)
    say("a million cells submitted")
    accepted, expanded, pause = big_sweep(max(20, 3 * seconds))
    found |= {"million_accepted_s": accepted, "million_expanded_s": expanded,
              "million_pause_ms": pause}
    say("10,000 workers waiting")
    memory, served = waiting(10_000)
    found |= {"waiting_mib": memory, "waiting_served_s": served}
    say("a heavy reader")
    found["beside_reader"] = reader(seconds)
    return found


def table(f):
    def ratio(rival):
        return f["trials_per_s"] / f[rival] if f[rival] else None
    rows_of_table = [
        ("trials/s: claim, 4 measurements, done; 64 connections", f["trials_per_s"], "{:,.0f}",
         ">= 10,000", ">= 25,000"),
        ("  against beanstalkd -f 0, put + reserve + delete", ratio("beanstalkd_per_s"), "{:.1f} x",
         ">= 2 x", ">= 5 x"),
        ("  against Optuna on SQLite", ratio("optuna_per_s"), "{:.0f} x", ">= 300 x", ">= 700 x"),
        ("measurement rows/s, batched", f["rows_per_s"], "{:,.0f}", ">= 100,000", ">= 250,000"),
        ("1,000,000 trials queued / 1,000",
         f["million_queued_per_s"] / f["thousand_queued_per_s"], "{:.2f}", ">= 0.8", ">= 0.95"),
        ("1,000,000 cells submitted: until accepted, s", f["million_accepted_s"], "{:.1f}", "", ""),
        ("  until every trial is written, s", f["million_expanded_s"], "{:.1f}", "<= 8", "<= 4"),
        ("  slowest claim of others meanwhile, ms", f["million_pause_ms"], "{:.0f}", "<= 250",
         "<= 50"),
        ("10,000 workers waiting: daemon's memory, MiB", f["waiting_mib"], "{:.0f}", "<= 300",
         "<= 150"),
        ("  from submit until each holds a trial, s", f["waiting_served_s"], "{:.2f}", "<= 2",
         "<= 1"),
        ("claims beside a heavy reader / alone", f["beside_reader"], "{:.2f}", ">= 0.90", ">= 0.97"),
    ]
    print(f"{'':56}{'here':>12}{'first':>13}{'then':>13}")
    for name, value, form, first, then in rows_of_table:
        shown = form.format(value) if value is not None else "absent"
        print(f"{name:56}{shown:>12}{first:>13}{then:>13}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="for each measurement (default 8)")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    args = parser.parse_args()
    found = measure(args.seconds, lambda what: print(f"measuring: {what}", file=sys.stderr))
    if args.json:
        print(json.dumps(found))
    else:
        table(found)


if __name__ == "__main__":
    main()
